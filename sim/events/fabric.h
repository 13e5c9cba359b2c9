// What parties send through: links with a capacity, and the way from one party to another.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "sim/base/ids.h"
#include "sim/base/require.h"
#include "sim/base/time.h"

namespace lockstep {

using LinkId = Id<struct LinkTag>;

// Where a message goes: it travels `latency` first, using no link, then its bytes flow through all
// links of the way at once; sender and receiver are free when the last byte has arrived. (Hockney's
// model, t = latency + bytes / rate, where nothing contends.)
struct Route {
  std::array<LinkId, 4> links{};
  int count = 0;
  Duration latency{};

  std::span<const LinkId> used() const { return {links.data(), static_cast<std::size_t>(count)}; }
  void add(LinkId link) { links[static_cast<std::size_t>(count++)] = link; }
};

// One direction of one party's attachment to a network.
struct Port {
  LinkId out;
  LinkId in;
};

// Two levels: parties of one node reach each other over their local ports; others over their
// network ports, and, where the network between nodes is narrower than the sum of them, over the
// uplinks of the nodes. Links may be shared: eight ranks whose network port is the same link share
// one NIC. Plain data; docs/cost_models.md says which hardware becomes which fabric.
struct Fabric {
  std::vector<Rate> capacity;  // by link
  std::vector<int> node;       // by party
  std::vector<Port> local;     // by party
  std::vector<Port> network;   // by party; empty if there is one node
  std::vector<Port> uplink;    // by node; empty: the network is not narrower
  Duration local_latency{};
  Duration network_latency{};

  LinkId add_link(Rate rate) {
    capacity.push_back(rate);
    return LinkId{static_cast<std::int32_t>(capacity.size()) - 1};
  }

  // REQUIRES: from != to.
  Route route(int from, int to) const {
    const auto a = static_cast<std::size_t>(from);
    const auto b = static_cast<std::size_t>(to);
    Route route;
    if (node[a] == node[b]) {
      route.latency = local_latency;
      route.add(local[a].out);
      route.add(local[b].in);
      return route;
    }
    route.latency = network_latency;
    route.add(network[a].out);
    if (!uplink.empty()) {
      route.add(uplink[static_cast<std::size_t>(node[a])].out);
      route.add(uplink[static_cast<std::size_t>(node[b])].in);
    }
    route.add(network[b].in);
    return route;
  }
};

// `parties` on one node, each with a link of `rate` in each direction. Equal links are one number
// a party and direction.
Fabric uniform_fabric(int parties, Rate rate, Duration latency);

}  // namespace lockstep
