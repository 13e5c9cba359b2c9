#include "sim/cost/nccl/times.h"

#include <algorithm>
#include <cmath>

#include "sim/base/require.h"

namespace lockstep {
namespace {

// Bytes of a full LL channel, for every rank of the ring: 512 threads with 8 bytes each.
constexpr double kLlChannelBytes = 4096;

// 1e3 bytes/us are a GB/s.
double us(double bytes, double GBps) { return bytes / (GBps * 1e3); }

double levels(double nodes) {
  double count = 0;
  for (double reach = 1; reach < nodes; reach *= 2) ++count;
  return count;
}

// Steps of a path within a node and between nodes, what a link within a node carries, and what a
// node sends to others.
struct Way {
  double steps = 0;
  double hops = 0;
  double bus_bytes = 0;
  double node_bytes = 0;
};

// A ring enters and leaves each node once.
Way ring_way(const NcclShape& shape) {
  const bool rooted = shape.kind == Collective::broadcast || shape.kind == Collective::reduce;
  const double steps = rooted ? shape.ranks - 1 : shape.steps();
  const double rounds = shape.kind == Collective::all_reduce ? 2 : 1;
  const double hops = shape.nodes > 1 ? rounds * (shape.nodes - 1) : 0;
  return {steps - hops, hops, shape.bus_bytes(), shape.bus_bytes()};
}

// Up a chain within the node and a tree of nodes, and down again. A GPU passes every byte on twice.
// A tree of k nodes has k-1 edges, and every byte goes over each of them up and down: a node sends
// 2 (k-1) / k of them, as two trees share the work evenly.
Way tree_way(const NcclShape& shape) {
  return {2 * (shape.per_node - 1), 2 * levels(shape.nodes), 2 * shape.bytes,
          2 * shape.bytes * (shape.nodes - 1) / shape.nodes};
}

struct Times {
  const NcclShape& shape;
  const Hardware& hardware;
  const NcclConstants& nccl = hardware.nccl;

  // How much faster links are than where the constants were measured.
  double faster() const { return hardware.node.link_GBps / nccl.link_GBps; }
  double network(double share) const { return nics_GBps(shape, hardware.node) * share; }
  // Of a ring or tree: what its links within the node need, what the network needs, the slower.
  double near(const Way& way, double GBps) const {
    return us(way.bus_bytes, shape.ranks == 2 && shape.nodes == 1 ? GBps * nccl.pair_rate : GBps);
  }
  double far(const Way& way, double share) const {
    return shape.nodes > 1 ? us(way.node_bytes, network(share)) : 0;
  }
  double transfer(const Way& way, double GBps, double share) const {
    return std::max(near(way, GBps), far(way, share));
  }
  double hop(double us_of_protocol) const { return us_of_protocol + hardware.node.nic_latency_us; }
  double own() const { return us(shape.bytes / shape.ranks, nccl.own_GBps); }

  NcclTime ll(const Way& way) const;
  NcclTime ll128(const Way& way) const;
  NcclTime simple(const Way& way) const;
  NcclTime by(NcclProtocol protocol, const Way& way) const;
  NcclTime nvls() const;
  NcclTime nvls_tree() const;
  NcclTime pat() const;
  NcclTime peers() const;
};

NcclTime Times::ll(const Way& way) const {
  const double channel = kLlChannelBytes * shape.ranks;
  const double full = std::min(1.0, shape.bytes / channel);
  const double free = nccl.ll.free_KiB * 1024 * shape.ranks;
  const double beyond = shape.bytes > 0 ? std::max(0.0, shape.bytes - free) / shape.bytes : 0;
  const double flagged = std::min(nccl.ll.GBps, nccl.choice.ring_GBps * faster() * 0.5);
  // More channels share the bytes of links, not those of a NIC: it carries them from the first on.
  const double moved = std::max(beyond * near(way, flagged), far(way, nccl.net.ll_share));
  return {nccl.ll.base_us + way.steps * (nccl.ll.step_us + full * nccl.ll.full_us) +
              way.hops * hop(nccl.net.ll_us),
          moved + beyond * own(), NcclProtocol::ll};
}

// Latency hides behind transfer, and transfer behind latency.
double beyond_latency(double latency, double transfer) {
  return std::sqrt(latency * latency + transfer * transfer) - latency;
}

NcclTime Times::ll128(const Way& way) const {
  const double latency = way.steps * nccl.ll128.step_us + way.hops * hop(nccl.net.ll128_us);
  const double moved = transfer(way, nccl.ll128.GBps * faster(), nccl.net.ll128_share);
  return {nccl.ll128.base_us + latency, beyond_latency(latency, moved) + own(),
          NcclProtocol::ll128};
}

NcclTime Times::simple(const Way& way) const {
  const NcclSimple& known = nccl.simple;
  const double latency = way.steps * known.step_us + way.hops * hop(nccl.net.simple_us);
  const double moved = transfer(way, known.GBps * faster(), nccl.net.share);
  const double ramp = known.ramp_us * way.bus_bytes / (way.bus_bytes + known.ramp_MB * 1e6);
  return {known.base_us + latency, beyond_latency(latency, moved) + ramp + own()};
}

NcclTime Times::by(NcclProtocol protocol, const Way& way) const {
  switch (protocol) {
    case NcclProtocol::ll:
      return ll(way);
    case NcclProtocol::ll128:
      return ll128(way);
    case NcclProtocol::simple:
      return simple(way);
  }
  LOCKSTEP_ASSERT(false);
  return {};
}

NcclTime Times::nvls() const {
  const double bytes = shape.bus_bytes();
  const double ramp = nccl.nvls.ramp_us * bytes / (bytes + nccl.nvls.ramp_MB * 1e6);
  return {nccl.nvls.base_us, us(bytes, nccl.nvls.GBps * faster()) + ramp};
}

// Within each node the switch sums and copies; between them each byte goes up and down a tree.
NcclTime Times::nvls_tree() const {
  const double g = shape.per_node;
  const double within = 2 * shape.bytes * (g - 1) / g;
  const double between = 2 * shape.bytes * (shape.nodes - 1) / shape.nodes;
  const double ramp = nccl.nvls.ramp_us * within / (within + nccl.nvls.ramp_MB * 1e6);
  return {
      nccl.nvls.base_us + 2 * levels(shape.nodes) * hop(nccl.net.nvls_us),
      std::max(us(within, nccl.nvls.GBps * faster()), us(between, network(nccl.net.share))) + ramp};
}

// Doubling distances between nodes of one rank each: the last steps carry most.
NcclTime Times::pat() const {
  return {nccl.simple.base_us + levels(shape.nodes) * hop(nccl.net.simple_us),
          us(shape.bus_bytes(), std::min(nccl.simple.GBps * faster(), network(nccl.net.share))) +
              own()};
}

// Everybody sends to everybody at once: what leaves the node shares its NICs, what stays has the
// links. The quicker of the two protocols.
NcclTime Times::peers() const {
  const NcclPeers& known = nccl.peers;
  const double others = shape.kind == Collective::send_recv ? 1 : shape.ranks - 1;
  const double outside = shape.nodes > 1 ? (shape.ranks - shape.per_node) / (shape.ranks - 1) : 0;
  const double bulk = std::max(0.0, shape.sent * (1 - outside) - known.free_MB * 1e6);
  const double pair = shape.ranks == 2 ? nccl.pair_rate : 1;
  double simple = us(bulk, known.GBps * faster() * pair) + us(shape.own, known.own_GBps);
  double many_hop = 0;
  double few_hop = 0;
  if (shape.nodes > 1) {
    simple = std::max(simple, us(shape.sent * outside * shape.per_node, network(nccl.net.share)));
    many_hop = hop(nccl.net.simple_us);
    few_hop = hop(nccl.net.ll_us);
  }
  const NcclTime few{known.ll_base_us + known.ll_peer_us * others + few_hop,
                     us(shape.largest, known.ll_GBps), NcclProtocol::ll};
  const NcclTime many{known.base_us + known.peer_us * others + many_hop, simple};
  return few.latency_us + few.transfer_us <= many.latency_us + many.transfer_us ? few : many;
}

}  // namespace

NcclTime nccl_path_time(NcclPath path, const NcclShape& shape, const Hardware& hardware) {
  const Times times{shape, hardware};
  switch (path.algorithm) {
    case NcclAlgorithm::ring:
      return times.by(path.protocol, ring_way(shape));
    case NcclAlgorithm::tree:
      return times.by(path.protocol, tree_way(shape));
    case NcclAlgorithm::nvls:
      return times.nvls();
    case NcclAlgorithm::nvls_tree:
      return times.nvls_tree();
    case NcclAlgorithm::pat:
      return times.pat();
    case NcclAlgorithm::peers:
      return times.peers();
  }
  LOCKSTEP_ASSERT(false);
  return {};
}

}  // namespace lockstep
