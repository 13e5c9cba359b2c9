#include "sim/cost/collectives/topology.h"

#include <algorithm>
#include <map>
#include <numeric>
#include <vector>

namespace lockstep {
namespace {

int count(double value) { return std::max(1, static_cast<int>(value)); }

int nics_of(const NodeConstants& node) { return std::min(count(node.nics), count(node.gpus)); }

// The uplink limits only if it is narrower than the NICs together.
bool has_uplink(const NodeConstants& node) {
  return node.uplink_GBps > 0 && node.uplink_GBps < node.nic_GBps * nics_of(node);
}

// The NIC of a rank, all nodes' in one row: GPUs are dealt to the NICs in order, so that neighbours
// share one.
int nic_of(const NodeConstants& node, int rank) {
  const int gpus = count(node.gpus);
  return rank / gpus * nics_of(node) + rank % gpus * nics_of(node) / gpus;
}

// How many of `ranks` send through the NIC that has the most of them.
int most_on_a_nic(const NodeConstants& node, std::span<const int> ranks) {
  std::map<int, int> users;
  int most = 0;
  for (const int rank : ranks) most = std::max(most, ++users[nic_of(node, rank)]);
  return most;
}

// Ranks of the group on each node, if it is the same on all and they are consecutive; else 0.
int ranks_per_node(std::span<const int> ranks, int gpus) {
  std::size_t first = 0;
  while (first < ranks.size() && ranks[first] / gpus == ranks[0] / gpus) ++first;
  if (first == 0 || ranks.size() % first != 0) return 0;
  std::vector<int> seen;
  for (std::size_t i = 0; i < ranks.size(); i += first) {
    const int node = ranks[i] / gpus;
    if (std::ranges::find(seen, node) != seen.end()) return 0;
    seen.push_back(node);
    for (std::size_t j = i; j < i + first; ++j) {
      if (ranks[j] / gpus != node) return 0;
    }
  }
  return static_cast<int>(first);
}

// What a rank has of the way to other nodes while all of its node send.
void add_network_hop(Topology& topology, const NodeConstants& node, std::span<const int> ranks) {
  const Hop nic{Rate::gigabytes_per_s(node.nic_GBps), from_microseconds(node.nic_latency_us)};
  topology.sharing = most_on_a_nic(node, ranks);
  topology.network = nic.shared(topology.sharing);
  if (!has_uplink(node)) return;
  const int neighbours = topology.per_node == 0 ? count(node.gpus) : topology.per_node;
  const Hop uplink = Hop{Rate::gigabytes_per_s(node.uplink_GBps), nic.latency}.shared(neighbours);
  if (uplink.rate >= topology.network.rate) return;
  topology.network = uplink;
  topology.sharing = neighbours;
}

Port add_port(Fabric& fabric, Rate rate) {
  const LinkId out = fabric.add_link(rate);
  return {out, fabric.add_link(rate)};
}

// A port for each of `ranks` whose place on its node has a NIC of its own, else its neighbour's.
void add_network(Fabric& fabric, const NodeConstants& node, std::span<const int> ranks) {
  const int gpus = count(node.gpus);
  fabric.network_latency = from_microseconds(node.nic_latency_us);
  std::map<int, Port> ports;  // by NIC, all nodes' in one row
  std::map<int, int> nodes;   // by number: the position of its uplink
  for (const int rank : ranks) {
    const int nic = nic_of(node, rank);
    if (!ports.contains(nic)) ports[nic] = add_port(fabric, Rate::gigabytes_per_s(node.nic_GBps));
    fabric.network.push_back(ports[nic]);
    const auto [place, is_new] = nodes.try_emplace(rank / gpus, static_cast<int>(nodes.size()));
    fabric.node.push_back(place->second);
    if (is_new && has_uplink(node)) {
      fabric.uplink.push_back(add_port(fabric, Rate::gigabytes_per_s(node.uplink_GBps)));
    }
  }
}

bool is_one_node(std::span<const int> ranks, int gpus) {
  return std::ranges::all_of(ranks, [&](int rank) { return rank / gpus == ranks[0] / gpus; });
}

}  // namespace

Topology uniform_topology(int ranks, Rate rate, Duration latency) {
  return {ranks, ranks, {rate, latency}, {rate, latency}, 1, true};
}

Topology topology_of(const Hardware& hardware, std::span<const int> ranks) {
  const NodeConstants& node = hardware.node;
  Topology topology;
  topology.ranks = static_cast<int>(ranks.size());
  topology.per_node = ranks_per_node(ranks, count(node.gpus));
  topology.local = {Rate::gigabytes_per_s(node.link_GBps), from_microseconds(node.link_latency_us)};
  add_network_hop(topology, node, ranks);
  topology.multicast = node.multicast != 0;
  return topology;
}

Fabric fabric_of(const Hardware& hardware, std::span<const int> ranks, int switches) {
  const NodeConstants& node = hardware.node;
  const int gpus = count(node.gpus);
  const Rate rate = Rate::gigabytes_per_s(node.link_GBps);
  Fabric fabric;
  fabric.local_latency = from_microseconds(node.link_latency_us);
  for (std::size_t i = 0; i < ranks.size(); ++i) fabric.local.push_back(add_port(fabric, rate));
  if (is_one_node(ranks, gpus)) {
    fabric.node.assign(ranks.size(), 0);
  } else {
    add_network(fabric, node, ranks);
  }
  for (int s = 0; s < switches; ++s) {
    const auto on_node = std::ranges::count(fabric.node, s);
    fabric.node.push_back(s);
    fabric.local.push_back(add_port(fabric, {rate.micro_bytes_per_s * on_node}));
  }
  return fabric;
}

Fabric fabric_of(const Hardware& hardware, int ranks, int switches) {
  std::vector<int> all(static_cast<std::size_t>(ranks));
  std::iota(all.begin(), all.end(), 0);
  return fabric_of(hardware, all, switches);
}

}  // namespace lockstep
