// Groups on several nodes: the fabric of the hardware, and the formulas that know two levels.
#include <doctest/doctest.h>

#include <fmt/format.h>

#include <numeric>

#include "sim/events/exchange.h"
#include "tests/cost/collectives/cases.h"

namespace lockstep::test {
namespace {

// Nodes of `gpus` at 400 GB/s with `nics` of 50 GB/s.
Hardware machine(int gpus, int nics) {
  Hardware hardware;
  hardware.node.gpus = gpus;
  hardware.node.link_GBps = 400;
  hardware.node.link_latency_us = 0.5;
  hardware.node.nics = nics;
  hardware.node.nic_GBps = 50;
  hardware.node.nic_latency_us = 5;
  return hardware;
}

TEST_CASE("ranks of a node share its NICs, neighbours first, and its uplink if it is narrower") {
  Hardware hardware = machine(4, 2);
  const Fabric fabric = fabric_of(hardware, 8);
  CHECK(fabric.node == std::vector<int>{0, 0, 0, 0, 1, 1, 1, 1});
  CHECK(fabric.network[0].out == fabric.network[1].out);
  CHECK(fabric.network[1].out != fabric.network[2].out);
  CHECK(fabric.network[3].in != fabric.network[4].in);
  CHECK(fabric.uplink.empty());
  // 8 ports of ranks and 4 NICs, in two directions.
  CHECK(fabric.capacity.size() == 2 * (8 + 4));
  CHECK(fabric_of(hardware, 4).network.empty());

  hardware.node.uplink_GBps = 100;  // 2 NICs of 50 GB/s fill it: no limit
  CHECK(fabric_of(hardware, 8).uplink.empty());
  hardware.node.uplink_GBps = 80;
  CHECK(fabric_of(hardware, 8).uplink.size() == 2);
}

TEST_CASE("a group that leaves out ranks has the links of those it has") {
  const Hardware hardware = machine(4, 2);
  const std::vector<int> strided{0, 2, 4, 6};  // on each node one rank of each NIC
  const Topology topology = topology_of(hardware, strided);
  CHECK(topology.per_node == 2);
  CHECK(topology.nodes() == 2);
  CHECK(topology.sharing == 1);
  CHECK(topology.network.rate == Rate::gigabytes_per_s(50));
  CHECK(fabric_of(hardware, strided).capacity.size() == 2 * (4 + 4));
  const std::vector<int> neighbours{0, 1, 4, 5};
  CHECK(topology_of(hardware, neighbours).sharing == 2);
  const std::vector<int> uneven{0, 1, 4};
  CHECK(topology_of(hardware, uneven).per_node == 0);
  const std::vector<int> mixed{0, 4, 1, 5};
  CHECK(topology_of(hardware, mixed).per_node == 0);
  CHECK(refusal(*find_algorithm("hierarchical"), call_of(Collective::all_reduce, 3, 8),
                topology_of(hardware, uneven)) ==
        "nodes with different numbers of ranks of this group, or ranks out of order: it needs as "
        "many on every node, next to each other");
}

// Of a rank while all ranks of its node send: min(NIC / ranks that share it, uplink / ranks).
TEST_CASE("between nodes a rank has its share of the NIC or of the uplink") {
  Hardware hardware = machine(8, 4);
  std::vector<int> ranks(16);
  std::iota(ranks.begin(), ranks.end(), 0);
  CHECK(topology_of(hardware, ranks).network.rate == Rate::gigabytes_per_s(25));
  hardware.node.uplink_GBps = 100;
  CHECK(topology_of(hardware, ranks).network.rate == Rate::gigabytes_per_s(12.5));
}

void compare(const Algorithm& algorithm, CollectiveCall call, const Hardware& hardware) {
  const Topology topology = topology_of(hardware, call.ranks);
  if (!refusal(algorithm, call, topology).empty()) return;
  if (!formula_refusal(algorithm, topology).empty()) return;
  CAPTURE(name_of(algorithm, call));
  CAPTURE(topology.per_node);
  CAPTURE(topology.sharing);
  const ClosedForm form = algorithm.closed_form(call, topology);
  const ExchangeResult run = run_exchange(*algorithm.schedule(call, topology),
                                          fabric_of(hardware, call.ranks, algorithm.switches));
  CHECK(run.messages == form.messages);
  if (form.holds == ClosedForm::Holds::exactly) CHECK(run.end == form.time);
  if (form.holds == ClosedForm::Holds::at_most) CHECK(run.end <= form.time);
  if (form.holds == ClosedForm::Holds::at_least) CHECK(run.end >= form.time);
}

TEST_CASE("the formulas that know nodes are what the messages take") {
  for (const Algorithm* algorithm : algorithms()) {
    if (!algorithm->crosses_nodes) continue;
    for (const auto& [gpus, nics] : {std::pair{1, 1}, {2, 2}, {2, 1}, {4, 4}, {4, 2}, {3, 3}}) {
      for (const int nodes : {1, 2, 3, 4}) {
        for (const Collective kind : algorithm->kinds) {
          for (const CollectiveCall& call : calls_of(kind, gpus * nodes)) {
            compare(*algorithm, call, machine(gpus, nics));
          }
        }
      }
    }
  }
}

// 2 (g - 1) (L + S / (g C)) + 2 (k - 1) (M + S / (n D)), S = 64 MiB, g = 8, k = 2:
//   14 (0.5 us + 8 MiB / 400 GB/s) + 2 (5 us + 4 MiB / 50 GB/s) = 300.60 + 177.77 us.
TEST_CASE("a hierarchical all-reduce of 64 MiB on two nodes of 8") {
  const CollectiveCall call = call_of(Collective::all_reduce, 16, std::int64_t{64} << 20);
  const Topology topology = topology_of(machine(8, 8), call.ranks);
  const ClosedForm form = find_algorithm("hierarchical")->closed_form(call, topology);
  CHECK(fmt::format("{:.2f}", in_microseconds(form.time)) == "478.37");
}

TEST_CASE("flat algorithms have no formula on several nodes, and say so") {
  const std::vector<int> ranks{0, 1, 2, 3};
  CHECK(formula_refusal(*find_algorithm("ring"), topology_of(machine(2, 2), ranks)) ==
        "the formula of ring is that of one level of network, and the group stands on several "
        "nodes");
  CHECK(formula_refusal(*find_algorithm("ring"), topology_of(machine(4, 4), ranks)).empty());
}

}  // namespace
}  // namespace lockstep::test
