#include "sim/cost/serving/expert_exchange.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <numeric>

#include "sim/cost/serving/routing.h"
#include "tests/cost/serving/times.h"

namespace lockstep {
namespace {

// Of rows of `row_bytes`, eight of 256 experts.
CollectiveCall exchange(Collective kind, int ranks, std::int64_t tokens, std::int64_t row_bytes) {
  CollectiveCall call;
  call.kind = kind;
  call.ranks.resize(static_cast<std::size_t>(ranks));
  std::iota(call.ranks.begin(), call.ranks.end(), 0);
  call.tokens = tokens;
  call.experts_per_token = 8;
  call.experts = 256;
  call.bytes = tokens * 8 * row_bytes;
  call.element_bytes = kind == Collective::dispatch && row_bytes == 7168 ? 1 : 2;
  return call;
}

Hardware round_hardware() {
  Hardware hardware = default_hardware();
  hardware.node.link_GBps = 1000;
  hardware.node.nic_GBps = 50;
  hardware.launch.graph_node_us = 0.5;
  hardware.serving.normal_sms = 20;
  const ExchangeConstants c{.floor_us = 5,
                            .expert_us = 0.01,
                            .row_us_per_KB = 0.5,
                            .token_us = 2,
                            .link_GBps = 200,
                            .sm_GBps = 0,
                            .network_us = 10,
                            .nic_GBps = 40,
                            .overlap_loss = 0.5};
  hardware.serving.low_latency_dispatch = c;
  hardware.serving.normal_dispatch = c;
  hardware.serving.one_sided_dispatch = c;
  hardware.serving.normal_dispatch.sm_GBps = 5;
  return hardware;
}

}  // namespace

TEST_CASE("Low latency: one copy of a row to each of its experts") {
  // 8 ranks of a node, 128 tokens, rows of 10,000 B: a graph's node 0.5, floor 5, 256 * 0.01,
  // 10 * 0.5, one token an SM 2, 128 * 8 * 7/8 * 10,000 B / 200 GB/s
  const CollectiveCall call = exchange(Collective::dispatch, 8, 128, 10'000);
  CHECK(us(call, round_hardware()) == doctest::Approx(0.5 + 5 + 2.56 + 5 + 2 + 44.8));
}

TEST_CASE("Low latency between nodes: most copies go by NIC") {
  // 16 ranks on 2 nodes: 8 * 8/16 copies of a row leave the node at 40 GB/s, 8 * 7/16 stay
  const CollectiveCall call = exchange(Collective::dispatch, 16, 128, 10'000);
  const double far = 128 * 4 * 10.0 / 40;
  const double near = 128 * 3.5 * 10.0 / 200;
  CHECK(us(call, round_hardware()) ==
        doctest::Approx(0.5 + 5 + 2.56 + 5 + 2 + 10 + far + 0.5 * near));
}

TEST_CASE("Normal: once to a rank, and once to a node") {
  CollectiveCall call = exchange(Collective::dispatch, 16, 1000, 10'000);
  call.algorithm = "normal";
  const double far = 1000 * expected_places(2, 8, 256) / 2 * 10.0 / 40;
  const double near = 1000 * expected_places(16, 8, 256) * 15 / 16 * 10.0 / 100;  // 20 SMs at 5
  CHECK(us(call, round_hardware()) ==
        doctest::Approx(0.5 + 5 + 2.56 + 5 + 2 * 50 + 10 + std::max(far, near) +
                        0.5 * std::min(far, near)));
}

TEST_CASE("Experts that are few keep few SMs busy") {
  CollectiveCall call = exchange(Collective::dispatch, 8, 1024, 0);
  call.algorithm = "low-latency";
  const double many = us(call, round_hardware());  // 1024 / 128 tokens an SM
  call.experts = 8;                                // 1024 / 8
  CHECK(us(call, round_hardware()) - many == doctest::Approx(2 * (128 - 8) - 248 * 0.01));
}

TEST_CASE("GPUs that share NICs share their rate") {
  Hardware hardware = round_hardware();
  const CollectiveCall call = exchange(Collective::dispatch, 16, 128, 10'000);
  const double own = us(call, hardware);
  hardware.node.nics = 2;  // 2 * 50 / 8 = 12.5 GB/s a GPU, not 40
  CHECK(us(call, hardware) - own == doctest::Approx(128 * 4 * 10.0 / 12.5 - 128 * 4 * 10.0 / 40));
}

TEST_CASE("The mode follows the tokens, or the name; TensorRT-LLM has its own") {
  const Hardware h200 = preset("hgx-h200");
  CollectiveCall call = exchange(Collective::dispatch, 8, 128, 7168);
  CHECK(serving_time(call, h200)->algorithm == "low-latency");
  call.tokens = 129;
  CHECK(serving_time(call, h200)->algorithm == "normal");
  call.algorithm = "low-latency";
  CHECK(serving_time(call, h200)->algorithm == "low-latency");
  call.algorithm = "";
  call.library = "trtllm";
  CHECK(serving_time(call, h200)->algorithm == "one-sided");
}

TEST_CASE("Presets give published times of DeepEP") {
  // perf-data.md 3.2, 3.3: hidden 7168, FP8 with scales out, BF16 back, 128 tokens.
  const Hardware h200 = preset("hgx-h200");
  CHECK(us(exchange(Collective::dispatch, 8, 128, 7168), h200) ==
        doctest::Approx(35.1).epsilon(0.15));
  CHECK(us(exchange(Collective::combine, 8, 128, 14336), h200) ==
        doctest::Approx(67.7).epsilon(0.15));
  CHECK(us(exchange(Collective::dispatch, 32, 128, 7168), h200) ==
        doctest::Approx(143).epsilon(0.15));
  CHECK(us(exchange(Collective::combine, 64, 128, 14336), h200) ==
        doctest::Approx(304.7).epsilon(0.15));
}

}  // namespace lockstep
