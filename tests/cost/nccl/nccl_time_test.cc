#include <doctest/doctest.h>

#include <cmath>
#include <numeric>
#include <string>

#include "sim/cost/cost_model.h"
#include "sim/cost/hardware_file.h"
#include "sim/cost/nccl/times.h"

namespace lockstep {
namespace {

constexpr std::int64_t kKiB = 1024;
constexpr std::int64_t kMiB = 1024 * kKiB;

CollectiveCall call_of(Collective kind, int ranks, std::int64_t bytes) {
  CollectiveCall call;
  call.kind = kind;
  call.ranks.resize(static_cast<std::size_t>(ranks));
  std::iota(call.ranks.begin(), call.ranks.end(), 0);
  call.bytes = bytes;
  call.launch = LaunchStyle::nccl_tests;
  return call;
}

Hardware preset(const std::string& name) {
  const Result<Hardware> hardware = load_hardware(name);
  if (!hardware) MESSAGE(to_string(hardware.faults()));
  REQUIRE(hardware);
  return *hardware;
}

double total_us(const CollectiveCall& call, const Hardware& hardware) {
  return in_microseconds(nccl_time(call, hardware).total());
}

std::string path_of(const CollectiveCall& call, const Hardware& hardware) {
  const CollectiveTime time = nccl_time(call, hardware);
  return time.algorithm + "/" + time.protocol;
}

// |predicted - published| <= band * published.
void within(double band, const std::string& hardware, Collective kind, int ranks,
            std::int64_t bytes, double published_us) {
  CAPTURE(hardware);
  CAPTURE(bytes);
  const double predicted = total_us(call_of(kind, ranks, bytes), preset(hardware));
  CHECK(predicted == doctest::Approx(published_us).epsilon(band));
}

}  // namespace

TEST_CASE("presets give published times of nccl-tests within a fifth") {
  within(0.2, "hgx-h200", Collective::all_reduce, 8, 512, 16.04);
  within(0.2, "hgx-h200", Collective::all_reduce, 8, 8 * kMiB, 78.52);
  within(0.2, "hgx-h200", Collective::all_reduce, 8, 512 * kMiB, 2040);
  within(0.2, "hgx-h200", Collective::all_gather, 8, 8 * kMiB, 44.56);
  within(0.2, "hgx-b200", Collective::all_reduce, 8, 512, 25.49);
  within(0.2, "hgx-b200", Collective::all_gather, 8, 16 * kMiB, 102.1);
  within(0.2, "hgx-a100", Collective::reduce_scatter, 8, 128 * kMiB, 624);
  within(0.2, "gb200-nvl72", Collective::all_to_all, 4, 32 * kMiB, 72.3);
}

// NVIDIA/nccl's tuning: with 8 ranks of H200, LL expects 6.6 + 14 * 0.6 us and 1 MiB * 14/8 at
// 141 GB/s, 28.0 us; NVLS 25 us and the same bytes at 510 GB/s, 28.6 us.
TEST_CASE("eight H200 take LL up to 1 MiB and NVLS from 2 MiB, as NCCL logs") {
  const Hardware h200 = preset("hgx-h200");
  const NcclShape shape = nccl_shape(call_of(Collective::all_reduce, 8, kMiB), h200.node);
  const auto ll = nccl_expects_us({NcclAlgorithm::ring, NcclProtocol::ll}, shape, h200);
  const auto nvls = nccl_expects_us({NcclAlgorithm::nvls, NcclProtocol::simple}, shape, h200);
  REQUIRE(ll);
  REQUIRE(nvls);
  CHECK(*ll == doctest::Approx(15.0 + 1048576.0 * 14 / 8 / 141e3));
  CHECK(*nvls == doctest::Approx(25.0 + 1048576.0 * 14 / 8 / 510e3));
  CHECK(path_of(call_of(Collective::all_reduce, 8, kMiB), h200) == "ring/LL");
  CHECK(path_of(call_of(Collective::all_reduce, 8, 2 * kMiB), h200) == "nvls/Simple");
}

TEST_CASE("four ranks stay on the ring, whatever the switch can do") {
  const Hardware h200 = preset("hgx-h200");
  CHECK(path_of(call_of(Collective::all_reduce, 4, 512 * kMiB), h200) == "ring/Simple");
}

TEST_CASE("an asked algorithm is taken, and one that cannot be is not") {
  const Hardware h200 = preset("hgx-h200");
  CollectiveCall call = call_of(Collective::all_reduce, 8, 64 * kMiB);
  CHECK(nccl_time(call, h200).algorithm == "nvls");
  call.algorithm = "ring";
  CHECK(nccl_time(call, h200).algorithm == "ring");
  call.algorithm = "pat";
  CHECK(nccl_time(call, h200).algorithm == "nvls");
}

TEST_CASE("launch styles differ by what starts the collective, and by nothing else") {
  const Hardware h200 = preset("hgx-h200");
  CollectiveCall call = call_of(Collective::all_gather, 8, kMiB);
  const CollectiveTime tests = nccl_time(call, h200);
  call.launch = LaunchStyle::eager;
  const CollectiveTime eager = nccl_time(call, h200);
  CHECK(in_microseconds(eager.launch) == doctest::Approx(h200.nccl.launch.eager_us));
  CHECK(eager.total() - eager.launch == tests.total() - tests.launch);
}

// Two nodes exchange: each NIC pair carries the node's bytes once each way, so twice the bytes of
// a rank over half of the nodes: 2 * 1/2 * 8 GiB over 8 * 46 GB/s.
TEST_CASE("two nodes are as fast as their NICs once the buffer is large") {
  const Hardware h200 = preset("hgx-h200");
  const auto call = call_of(Collective::all_reduce, 16, 8192 * kMiB);
  const CollectiveTime time = nccl_time(call, h200);
  CHECK(time.algorithm == "nvls-tree");
  const double least_us = 8192.0 * 1048576 / (8 * 46e3);
  CHECK(in_microseconds(time.total()) >= least_us);
  CHECK(in_microseconds(time.total()) < 1.6 * least_us);
}

// k nodes have k - 1 edges of a tree, and every byte goes over each up and down: a node sends
// 2 (k-1) / k * S bytes. S = 8 GiB over 8 NICs of 20 GB/s: 53.7 ms of two nodes, 80.5 of four.
// Within a node a GPU sends every byte twice, over 370 GB/s: 46.4 ms.
TEST_CASE("a tree sends each byte between two nodes once each way, between more nearly twice") {
  Hardware h100 = preset("hgx-h100");
  h100.node.nic_GBps = 20;
  const double bytes = 8192.0 * 1048576;
  for (const int nodes : {2, 4}) {
    auto call = call_of(Collective::all_reduce, 8 * nodes, 8192 * kMiB);
    call.algorithm = "tree";
    const double least_us = 2 * bytes * (nodes - 1) / nodes / (8 * 20e3);
    CHECK(total_us(call, h100) > least_us);
    CHECK(total_us(call, h100) < 1.05 * least_us);
  }
}

// Two ranks of two nodes: each sends half of 64 KiB twice, flags double it. 65,536 bytes more over
// half of 32 GB/s: 4.096 us, though the channels of LL are not full.
TEST_CASE("a NIC carries the bytes of LL from the first one on") {
  Hardware h200 = preset("hgx-h200");
  h200.node.gpus = 1;
  h200.node.nics = 1;
  h200.node.nic_GBps = 32;
  const auto small = call_of(Collective::all_reduce, 2, 0);
  const auto large = call_of(Collective::all_reduce, 2, 64 * kKiB);
  REQUIRE(path_of(large, h200) == "ring/LL");
  REQUIRE(path_of(small, h200) == "ring/LL");
  CHECK(total_us(large, h200) - total_us(small, h200) == doctest::Approx(4.096));
}

TEST_CASE("a protocol whose rate is zero is not chosen, whatever the size") {
  Hardware h100 = preset("hgx-h100");
  const auto call = call_of(Collective::all_reduce, 16, 8);
  CHECK(path_of(call, h100) == "tree/LL");
  h100.nccl.choice.ll_two_nodes_GBps = 0;
  h100.nccl.choice.ll128_GBps = 0;
  CHECK(nccl_time(call, h100).protocol == "Simple");
}

TEST_CASE("time grows with the bytes, but for the steps between protocols") {
  const Hardware b200 = preset("hgx-b200");
  for (const Collective kind : {Collective::all_gather, Collective::all_reduce,
                                Collective::broadcast, Collective::all_to_all}) {
    double before = 0;
    std::string path;
    for (std::int64_t bytes = 512; bytes <= 512 * kMiB; bytes *= 2) {
      const auto call = call_of(kind, 8, bytes);
      const double now = total_us(call, b200);
      if (path_of(call, b200) == path) CHECK(now >= before);
      path = path_of(call, b200);
      before = now;
    }
  }
}

TEST_CASE("a grouped call costs its members' bytes together, and a little for each") {
  const Hardware h200 = preset("hgx-h200");
  CollectiveCall grouped = call_of(Collective::reduce_scatterv, 8, 8 * kMiB);
  grouped.sizes.assign(8, kMiB);
  const auto even = call_of(Collective::reduce_scatter, 8, 8 * kMiB);
  CHECK(total_us(grouped, h200) ==
        doctest::Approx(total_us(even, h200) + 7 * h200.nccl.grouped_us).epsilon(1e-6));
}

// The busiest of three: rank 0 sends 3 + 5 MiB, whatever the others do.
TEST_CASE("an uneven all-to-all waits for the rank that sends or receives most") {
  const Hardware h200 = preset("hgx-h200");
  CollectiveCall call = call_of(Collective::all_to_allv, 3, 10 * kMiB);
  call.sizes = {0, 3 * kMiB, 5 * kMiB, kMiB, 0, 0, kMiB, 0, 0};
  const NcclShape shape = nccl_shape(call, h200.node);
  CHECK(shape.sent == 8.0 * kMiB);
  CHECK(shape.largest == 5.0 * kMiB);
}

TEST_CASE("one rank alone moves nothing") {
  const Hardware h200 = preset("hgx-h200");
  const CollectiveTime time = nccl_time(call_of(Collective::all_reduce, 1, kMiB), h200);
  CHECK(time.total() == time.launch);
}

}  // namespace lockstep
