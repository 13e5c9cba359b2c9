// What is very fast, very wide or very slow: times stay exact, or are told to be too long.
#include <doctest/doctest.h>

#include "sim/cost/collectives/predict.h"
#include "sim/cost/hardware_file.h"
#include "sim/events/exchange.h"
#include "tests/cost/collectives/cases.h"

namespace lockstep::test {
namespace {

constexpr std::int64_t kMiB = 1 << 20;

Hardware nvl72() {
  const Result<Hardware> hardware = load_hardware("gb200-nvl72");
  REQUIRE(hardware);
  return *hardware;
}

CollectiveCall by(const char* algorithm, int n, std::int64_t bytes) {
  CollectiveCall call = call_of(Collective::all_reduce, n, bytes);
  call.algorithm = algorithm;
  return call;
}

Duration time_of(const CollectiveCall& call, const Hardware& hardware, Fidelity fidelity) {
  const Result<Prediction> prediction = predict(call, hardware, fidelity);
  REQUIRE(prediction);
  return prediction->time.total();
}

void check_same_time(const CollectiveCall& call, const Hardware& hardware) {
  CAPTURE(call.ranks.size());
  CHECK(time_of(call, hardware, Fidelity::messages) ==
        time_of(call, hardware, Fidelity::closed_form));
}

// The switch's link has n times the rate of a rank's; of 13 ranks more than 2^63 micro-bytes/s.
TEST_CASE("NVLS takes the same by messages as by formula, for every group of an NVL72") {
  const Hardware hardware = nvl72();
  for (int n = 2; n <= 72; ++n) {
    check_same_time(by("nvls", n, 64 * kMiB), hardware);
    check_same_time(by("nvls", n, 1'000'000), hardware);
  }
}

// The most that a hardware file may say: 100,000 GB/s.
TEST_CASE("the fastest links that a hardware file may have keep their rate") {
  Hardware hardware = nvl72();
  hardware.node.gpus = 16'384;
  for (const double rate : {1'500.0, 9'300.0, 100'000.0}) {
    hardware.node.link_GBps = rate;
    for (const int n : {2, 8, 72}) {
      check_same_time(by("nvls", n, 64 * kMiB), hardware);
      check_same_time(by("ring", n, n * kMiB), hardware);
    }
  }
  // 2 rounds of one latency and of 0.5e9 B / 1e14 B/s = 5 us.
  CHECK(time_of(by("ring", 2, 1'000'000'000), hardware, Fidelity::messages) ==
        2 * (from_microseconds(hardware.node.link_latency_us) + from_microseconds(5)));
  const Fabric fabric = fabric_of(hardware, 16'384, 1);
  CHECK(fabric.capacity.back().in_gigabytes_per_s() == 16'384 * 100'000.0);
}

// 4 ranks send 1 GB each to a fifth: 4e9 B / 1e14 B/s = 40 us, whatever the order.
TEST_CASE("flows share a link of 100,000 GB/s exactly") {
  const Duration latency = from_microseconds(1);
  const Topology topology = uniform_topology(5, Rate::gigabytes_per_s(100'000), latency);
  CollectiveCall call = call_of(Collective::all_to_allv, 5, 4'000'000'000);
  call.sizes.assign(25, 0);
  for (const std::size_t from : {0, 1, 2, 3}) call.sizes[from * 5 + 4] = 1'000'000'000;
  const auto schedule = find_algorithm("direct")->schedule(call, topology);
  const Fabric fabric = uniform_fabric(5, topology.local.rate, latency);
  CHECK(run_exchange(*schedule, fabric).end == latency + from_microseconds(40));
}

// 2^44 B at 0.001 GB/s are 17.6e6 s; the clock holds 9.2e6 s.
TEST_CASE("a collective that takes longer than the clock holds is a fault, by any path") {
  Hardware hardware = nvl72();
  hardware.node.link_GBps = 0.001;
  const auto check_fault = [](const Result<Prediction>& answer) {
    REQUIRE_FALSE(answer);
    CHECK(answer.faults().front().message ==
          "all_reduce of 17,592,186,044,416 bytes among 8 ranks takes longer than the clock holds, "
          "106 days");
    CHECK(answer.faults().front().hint ==
          "give fewer bytes, or a higher rate: node.link_GBps is 0.001");
  };
  constexpr std::int64_t kMost = std::int64_t{1} << 44;
  for (const char* algorithm : {"ring", "tree", "nvls", "two-shot", "halving-doubling"}) {
    CAPTURE(algorithm);
    check_fault(predict(by(algorithm, 8, kMost), hardware, Fidelity::messages));
    check_fault(predict(by(algorithm, 8, kMost), hardware, Fidelity::closed_form));
  }
  check_fault(predict_library(call_of(Collective::all_reduce, 8, kMost), hardware));
}

}  // namespace
}  // namespace lockstep::test
