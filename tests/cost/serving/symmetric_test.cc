#include "sim/cost/serving/symmetric.h"

#include <doctest/doctest.h>

#include <numeric>

#include "sim/cost/cost_model.h"
#include "tests/cost/serving/times.h"

namespace lockstep {
namespace {

constexpr std::int64_t kMiB = 1024 * 1024;

double us(Collective kind, std::int64_t bytes, const Hardware& hardware,
          const std::string& library = "symmetric") {
  CollectiveCall call;
  call.kind = kind;
  call.ranks.resize(8);
  std::iota(call.ranks.begin(), call.ranks.end(), 0);
  call.bytes = bytes;
  call.library = library;
  return in_microseconds(collective_time(call, hardware).total());
}

}  // namespace

TEST_CASE("A gather and a scatter on symmetric memory are half a two-shot all-reduce each") {
  Hardware hardware = preset("hgx-h200");
  hardware.serving.sglang.two_shot_us = 5;
  hardware.serving.sglang.two_shot_rank_us = 0.5;
  hardware.serving.sglang.two_shot_GBps = 100;
  // (5 + 6 * 0.5) / 2 + 7/8 * 8,000,000 B / 100 GB/s
  CHECK(us(Collective::all_gather, 8'000'000, hardware) == doctest::Approx(4 + 70));
  CHECK(us(Collective::reduce_scatter, 8'000'000, hardware) == doctest::Approx(4 + 70));
}

TEST_CASE("An all-reduce on symmetric memory is the quickest of its kinds") {
  const Hardware h200 = preset("hgx-h200");
  for (const std::int64_t bytes : {1024L, 65536L, kMiB, 16 * kMiB}) {
    CAPTURE(bytes);
    CHECK(us(Collective::all_reduce, bytes, h200) <=
          us(Collective::all_reduce, bytes, h200, "vllm"));
  }
}

TEST_CASE("On eight H100, symmetric memory gives what was published") {
  // NVIDIA/Megatron-LM#5596: all-gather of 8 MiB 27.4 us, of 32 MiB 95.3; reduce-scatter of 32
  // MiB 100.5. No constant was fitted to them.
  const Hardware h100 = preset("hgx-h100");
  CHECK(us(Collective::all_gather, 8 * kMiB, h100) == doctest::Approx(27.4).epsilon(0.1));
  CHECK(us(Collective::all_gather, 32 * kMiB, h100) == doctest::Approx(95.3).epsilon(0.1));
  CHECK(us(Collective::reduce_scatter, 32 * kMiB, h100) == doctest::Approx(100.5).epsilon(0.1));
}

TEST_CASE("What no serving system carries out is NCCL's") {
  const Hardware h200 = preset("hgx-h200");
  CollectiveCall call;
  call.kind = Collective::all_reduce;
  call.ranks = {0, 1, 2, 3, 4, 5, 6, 7};
  call.bytes = 64 * kMiB;
  CHECK(collective_time(call, h200).library == "nccl");
  call.bytes = kMiB;
  CHECK(collective_time(call, h200).library == "custom");
  call.algorithm = "ring";
  CHECK(collective_time(call, h200).library == "nccl");
}

}  // namespace lockstep
