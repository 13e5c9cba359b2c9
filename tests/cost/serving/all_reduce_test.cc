#include "sim/cost/serving/all_reduce.h"

#include <doctest/doctest.h>

#include <numeric>

#include "tests/cost/serving/times.h"

namespace lockstep {
namespace {

constexpr std::int64_t kKiB = 1024;
constexpr std::int64_t kMiB = 1024 * kKiB;

CollectiveCall all_reduce(int ranks, std::int64_t bytes, const std::string& library = "custom") {
  CollectiveCall call;
  call.ranks.resize(static_cast<std::size_t>(ranks));
  std::iota(call.ranks.begin(), call.ranks.end(), 0);
  call.bytes = bytes;
  call.library = library;
  return call;
}

// Round constants, so that times can be computed by hand.
Hardware round_hardware() {
  Hardware hardware = default_hardware();
  hardware.node.link_GBps = 1000;
  hardware.launch.graph_node_us = 0.5;
  AllReduceConstants& c = hardware.serving.sglang;
  c = {.one_shot_us = 2,
       .rank_us = 0.25,
       .one_shot_GBps = 100,
       .one_peer_GBps = 40,
       .fill_us = 1,
       .two_shot_us = 4,
       .two_shot_rank_us = 0.5,
       .two_shot_GBps = 200,
       .multimem_us = 10,
       .multimem_GBps = 300,
       .eager_us = 30,
       .copy_GBps = 1000,
       .one_shot_8_MiB = 0.125,
       .limit_8_MiB = 16};
  return hardware;
}

}  // namespace

TEST_CASE("One-shot: every rank gets the buffer of every peer") {
  // 8 ranks, 50,000 B: 2 + 6 * 0.25 + 350,000 B / 100 GB/s + 1 * 350,000 / 500,000
  CHECK(us(all_reduce(8, 50'000), round_hardware()) == doctest::Approx(2 + 1.5 + 3.5 + 0.7));
}

TEST_CASE("One-shot among two: what is in flight to one peer is the limit") {
  // 2 + 50,000 B / 40 GB/s + 1 * 50,000 / 500,000
  Hardware hardware = round_hardware();
  hardware.serving.sglang.one_shot_2_MiB = 1;
  hardware.serving.sglang.limit_2_MiB = 1;
  CHECK(us(all_reduce(2, 50'000), hardware) == doctest::Approx(2 + 1.25 + 0.1));
}

TEST_CASE("Two-shot: every rank gets its part of each peer, then the sums of the others") {
  // 8 ranks, 1,000,000 B: 4 + 6 * 0.5 + 2 * 7/8 * 1,000,000 B / 200 GB/s
  CHECK(us(all_reduce(8, 1'000'000), round_hardware()) == doctest::Approx(4 + 3 + 8.75));
}

TEST_CASE("Multimem: a link carries the buffer up and one part of the result") {
  Hardware hardware = round_hardware();
  hardware.serving.sglang.multimem_8_MiB = 0.5;
  // 8 ranks, 8,000,000 B: 10 + 9/8 * 8,000,000 B / 300 GB/s
  CHECK(us(all_reduce(8, 8'000'000), hardware) == doctest::Approx(10 + 30));
  hardware.node.multicast = 0;
  CHECK(serving_time(all_reduce(8, 8'000'000), hardware)->algorithm == "two-shot");
}

TEST_CASE("A slower link than the constant's is the limit") {
  Hardware hardware = round_hardware();
  hardware.node.link_GBps = 50;
  CHECK(us(all_reduce(8, 1'000'000), hardware) == doctest::Approx(4 + 3 + 35));
}

TEST_CASE("An eager call takes as long as the host, or as its copy and its kernel") {
  CollectiveCall call = all_reduce(8, 50'000);
  call.launch = LaunchStyle::eager;
  CHECK(us(call, round_hardware()) == doctest::Approx(30));
  call.bytes = 10'000'000;  // 7 + 87.5 us in a graph, and 2 * 10 MB copied at 1 TB/s
  CHECK(us(call, round_hardware()) == doctest::Approx(7 + 87.5 + 20));
}

TEST_CASE("Launch, latency and transfer are told apart") {
  const auto time = serving_time(all_reduce(8, 1'000'000), round_hardware());
  CHECK(in_microseconds(time->launch) == doctest::Approx(0.5));
  CHECK(in_microseconds(time->latency) == doctest::Approx(6.5));
  CHECK(in_microseconds(time->transfer) == doctest::Approx(8.75));
}

TEST_CASE("Limits by size choose the algorithm, and NCCL above the last") {
  const Hardware h200 = preset("hgx-h200");
  const auto algorithm = [&](int ranks, std::int64_t bytes, const std::string& library) {
    const auto time = serving_time(all_reduce(ranks, bytes, library), h200);
    return time ? time->algorithm : "NCCL's";
  };
  CHECK(algorithm(8, 160 * kKiB, "custom") == "one-shot");
  CHECK(algorithm(8, 161 * kKiB, "custom") == "two-shot");
  CHECK(algorithm(8, 16 * kMiB, "custom") == "two-shot");
  CHECK(algorithm(8, 16 * kMiB + 16, "custom") == "NCCL's");
  CHECK(algorithm(4, 384 * kKiB, "custom") == "one-shot");
  CHECK(algorithm(2, 16 * kMiB, "custom") == "one-shot");
  CHECK(algorithm(8, 256 * kKiB, "vllm") == "multimem");
  CHECK(algorithm(8, 64 * kMiB, "vllm") == "multimem");
  CHECK(algorithm(8, 512 * kKiB, "trtllm") == "one-shot");
  CHECK(algorithm(8, kMiB, "trtllm") == "NCCL's");
}

TEST_CASE("NCCL's: other nodes, more than eight ranks, PCIe, nccl-tests, and who asks for it") {
  const Hardware h200 = preset("hgx-h200");
  CollectiveCall between = all_reduce(2, kKiB);
  between.ranks = {7, 8};
  CHECK_FALSE(serving_time(between, h200).has_value());
  CHECK_FALSE(serving_time(all_reduce(16, kKiB), preset("gb200-nvl72")).has_value());
  CHECK_FALSE(serving_time(all_reduce(8, kKiB), preset("pcie-rtx-pro-6000")).has_value());
  CHECK_FALSE(serving_time(all_reduce(8, kKiB, "nccl"), h200).has_value());
  CollectiveCall tests = all_reduce(8, kKiB, "");
  tests.launch = LaunchStyle::nccl_tests;
  CHECK_FALSE(serving_time(tests, h200).has_value());
  CollectiveCall gather = all_reduce(8, kKiB);
  gather.kind = Collective::all_gather;
  CHECK_FALSE(serving_time(gather, h200).has_value());
}

TEST_CASE("A named algorithm is taken whatever the size") {
  CollectiveCall call = all_reduce(8, 64 * kMiB);
  call.algorithm = "multimem";
  CHECK(serving_time(call, preset("hgx-h200"))->algorithm == "multimem");
}

TEST_CASE("A fused norm costs its own part more, and no kernel of its own") {
  const Hardware b200 = preset("hgx-b200");
  CollectiveCall call = all_reduce(8, 16 * kKiB);
  const double plain = us(call, b200);
  call.algorithm = "fused-norm";
  CHECK(us(call, b200) == doctest::Approx(plain + b200.serving.fused_norm_us));
  CHECK(serving_time(call, b200)->algorithm == "fused-norm");
}

TEST_CASE("Presets give published times: SGLang and vLLM in graphs on eight H200 and B200") {
  // perf-data.md 2.1 and 2.2; single points of these tables scatter by some per cent.
  CHECK(us(all_reduce(8, 16 * kKiB), preset("hgx-h200")) == doctest::Approx(3.707).epsilon(0.1));
  CHECK(us(all_reduce(8, kMiB), preset("hgx-h200")) == doctest::Approx(13.05).epsilon(0.1));
  CHECK(us(all_reduce(8, 8 * kMiB), preset("hgx-b200")) == doctest::Approx(36.16).epsilon(0.1));
  CHECK(us(all_reduce(8, 8 * kMiB, "vllm"), preset("hgx-h200")) ==
        doctest::Approx(48.39).epsilon(0.1));
  CollectiveCall eager = all_reduce(8, 16 * kKiB);
  eager.launch = LaunchStyle::eager;
  CHECK(us(eager, preset("hgx-h200")) == doctest::Approx(28.7).epsilon(0.1));
}

}  // namespace lockstep
