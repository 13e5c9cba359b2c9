// The network as closed forms see it: two levels, and on each what one message costs.
#pragma once

#include <cstdint>
#include <span>

#include "sim/base/time.h"
#include "sim/cost/hardware.h"
#include "sim/events/fabric.h"

namespace lockstep {

// From one rank to another: Hockney's latency and rate.
struct Hop {
  Rate rate;
  Duration latency{};

  // latency + bytes / rate; nothing for an empty message, which is never sent.
  Duration time(std::int64_t bytes) const {
    return bytes == 0 ? Duration::zero() : latency + transfer_time(bytes, rate);
  }
  // When `flows` of them share one link, max-min fairly. REQUIRES: flows > 0.
  Hop shared(std::int64_t flows) const { return {{rate.micro_bytes_per_s / flows}, latency}; }
};

// Ranks in group order; those of a node stand next to each other.
struct Topology {
  int ranks = 1;
  int per_node = 1;        // ranks of this group on every node; 0: not the same, or not consecutive
  Hop local;               // between ranks of one node
  Hop network;             // between nodes, while all ranks of a node send at once
  int sharing = 1;         // so many of them share a NIC, or an uplink
  bool multicast = false;  // the switch of a node sums and copies

  bool one_node() const { return per_node == ranks; }
  int nodes() const { return per_node == 0 ? 0 : ranks / per_node; }
  // The hop that limits an algorithm which does not know nodes.
  const Hop& slowest() const { return one_node() ? local : network; }
};

// All on one node.
Topology uniform_topology(int ranks, Rate rate, Duration latency);

// Of the group `ranks` (global numbers: rank r is on node r / gpus).
Topology topology_of(const Hardware& hardware, std::span<const int> ranks);

// The links of the group `ranks`, party i being ranks[i]: a port for each on its node; NICs, each a
// link that gpus / nics neighbours share; and the uplink of a node where it is narrower than its
// NICs. `switches`: so many parties behind the ranks, one on each node in order, that take and give
// the rate of all ranks there at once: the NVSwitch, where it sums and copies.
// REQUIRES: a NIC, if the ranks are on several nodes.
Fabric fabric_of(const Hardware& hardware, std::span<const int> ranks, int switches = 0);
// Of ranks 0 to `ranks` - 1.
Fabric fabric_of(const Hardware& hardware, int ranks, int switches = 0);

}  // namespace lockstep
