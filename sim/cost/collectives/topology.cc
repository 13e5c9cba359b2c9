#include "sim/cost/collectives/topology.h"

#include <algorithm>
#include <vector>

namespace lockstep {
namespace {

int count(double value) { return std::max(1, static_cast<int>(value)); }

int nics_of(const NodeConstants& node) { return std::min(count(node.nics), count(node.gpus)); }

// The uplink limits only if it is narrower than the NICs together.
bool has_uplink(const NodeConstants& node) {
  return node.uplink_GBps > 0 && node.uplink_GBps < node.nic_GBps * nics_of(node);
}

// How many of `gpus` ranks send through NIC 0, which has the most of them.
int ranks_of_a_nic(const NodeConstants& node, int ranks) {
  const int gpus = count(node.gpus);
  const int share = (gpus + nics_of(node) - 1) / nics_of(node);
  return std::min(share, ranks);
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

// What one of `ranks` of a node has of the way to other nodes.
void add_network_hop(Topology& topology, const NodeConstants& node, int ranks) {
  const Hop nic{Rate::gigabytes_per_s(node.nic_GBps), from_microseconds(node.nic_latency_us)};
  topology.sharing = ranks_of_a_nic(node, ranks);
  topology.network = nic.shared(topology.sharing);
  if (!has_uplink(node)) return;
  const Hop uplink = Hop{Rate::gigabytes_per_s(node.uplink_GBps), nic.latency}.shared(ranks);
  if (uplink.rate >= topology.network.rate) return;
  topology.network = uplink;
  topology.sharing = ranks;
}

Port add_port(Fabric& fabric, Rate rate) {
  const LinkId out = fabric.add_link(rate);
  return {out, fabric.add_link(rate)};
}

void add_network(Fabric& fabric, const NodeConstants& node, int ranks) {
  const int gpus = count(node.gpus);
  const int nics = nics_of(node);
  fabric.network_latency = from_microseconds(node.nic_latency_us);
  for (int r = 0; r < ranks; ++r) {
    // GPUs are dealt to the NICs in order, so that neighbours share one.
    const bool first = r % gpus == 0 || (r % gpus) * nics / gpus != (r % gpus - 1) * nics / gpus;
    fabric.network.push_back(first ? add_port(fabric, Rate::gigabytes_per_s(node.nic_GBps))
                                   : fabric.network.back());
  }
  if (!has_uplink(node)) return;
  for (int n = 0; n < (ranks + gpus - 1) / gpus; ++n) {
    fabric.uplink.push_back(add_port(fabric, Rate::gigabytes_per_s(node.uplink_GBps)));
  }
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
  add_network_hop(topology, node, topology.per_node == 0 ? count(node.gpus) : topology.per_node);
  topology.multicast = node.multicast != 0;
  return topology;
}

Fabric fabric_of(const Hardware& hardware, int ranks, int switches) {
  const NodeConstants& node = hardware.node;
  const int gpus = count(node.gpus);
  const Rate rate = Rate::gigabytes_per_s(node.link_GBps);
  Fabric fabric;
  fabric.local_latency = from_microseconds(node.link_latency_us);
  for (int r = 0; r < ranks; ++r) {
    fabric.node.push_back(r / gpus);
    fabric.local.push_back(add_port(fabric, rate));
  }
  for (int s = 0; s < switches; ++s) {
    fabric.node.push_back(0);
    fabric.local.push_back(add_port(fabric, {rate.micro_bytes_per_s * std::min(ranks, gpus)}));
  }
  if (ranks > gpus) add_network(fabric, node, ranks);
  return fabric;
}

}  // namespace lockstep
