#include "sim/cost/nccl/shape.h"

#include <algorithm>
#include <map>

#include "sim/base/require.h"

namespace lockstep {
namespace {

// Dispatch and combine are sends and receives; a barrier is an all-reduce of nothing to speak of.
Collective without_suffix(Collective kind) {
  switch (kind) {
    case Collective::all_gatherv:
      return Collective::all_gather;
    case Collective::reduce_scatterv:
      return Collective::reduce_scatter;
    case Collective::all_to_allv:
    case Collective::dispatch:
    case Collective::combine:
      return Collective::all_to_all;
    case Collective::barrier:
      return Collective::all_reduce;
    default:
      return kind;
  }
}

void even_peers(const CollectiveCall& call, NcclShape& shape) {
  const double n = shape.ranks;
  const auto bytes = static_cast<double>(call.bytes);
  const bool experts = call.kind == Collective::dispatch || call.kind == Collective::combine;
  if (call.kind == Collective::send_recv) {
    shape.sent = shape.largest = bytes;
  } else if (experts) {
    shape.sent = bytes;
    shape.largest = n > 1 ? bytes / (n - 1) : 0;
  } else {
    shape.largest = shape.own = bytes / n;
    shape.sent = bytes - shape.own;
  }
}

// The busiest rank decides: nobody is done before it is.
void uneven_peers(const CollectiveCall& call, NcclShape& shape) {
  const std::size_t n = call.ranks.size();
  LOCKSTEP_ASSERT(call.sizes.size() == n * n);
  for (std::size_t i = 0; i < n; ++i) {
    double out = 0;
    double in = 0;
    for (std::size_t j = 0; j < n; ++j) {
      const auto sent = static_cast<double>(call.sizes[i * n + j]);
      if (i == j) {
        shape.own = std::max(shape.own, sent);
        continue;
      }
      out += sent;
      in += static_cast<double>(call.sizes[j * n + i]);
      shape.largest = std::max(shape.largest, sent);
    }
    shape.sent = std::max({shape.sent, out, in});
  }
}

}  // namespace

double NcclShape::steps() const {
  switch (kind) {
    case Collective::all_reduce:
      return 2 * (ranks - 1);
    case Collective::all_gather:
    case Collective::reduce_scatter:
      return ranks - 1;
    default:
      return ranks;
  }
}

double NcclShape::bus_bytes() const { return bytes * steps() / ranks; }

NcclShape nccl_shape(const CollectiveCall& call, const NodeConstants& node) {
  LOCKSTEP_ASSERT(!call.ranks.empty());
  NcclShape shape;
  shape.kind = without_suffix(call.kind);
  shape.ranks = static_cast<double>(call.ranks.size());
  shape.bytes = call.kind == Collective::barrier ? 4 : static_cast<double>(call.bytes);
  if (call.kind == Collective::all_gatherv || call.kind == Collective::reduce_scatterv) {
    shape.calls = shape.ranks;
  }
  std::map<int, int> on_node;
  for (const int rank : call.ranks) ++on_node[rank / static_cast<int>(node.gpus)];
  shape.nodes = static_cast<double>(on_node.size());
  for (const auto& [number, count] : on_node) {
    shape.per_node = std::max(shape.per_node, static_cast<double>(count));
  }
  if (call.kind == Collective::all_to_allv) {
    uneven_peers(call, shape);
  } else if (shape.kind == Collective::all_to_all || shape.kind == Collective::send_recv) {
    even_peers(call, shape);
  }
  return shape;
}

double nics_GBps(const NcclShape& shape, const NodeConstants& node) {
  const double near = std::max(1.0, node.nics * shape.per_node / node.gpus);
  const double all = (node.nics > 0 ? near : 0) * node.nic_GBps;
  return node.uplink_GBps > 0 ? std::min(all, node.uplink_GBps) : all;
}

}  // namespace lockstep
