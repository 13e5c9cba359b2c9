// A collective as NCCL sees it: how many ranks on how many nodes, and what has to move.
#pragma once

#include "sim/cost/collective_call.h"
#include "sim/cost/node_constants.h"

namespace lockstep {

struct NcclShape {
  Collective kind = Collective::all_reduce;  // without the suffix v, and without the experts
  double ranks = 1;
  double nodes = 1;
  double per_node = 1;  // ranks of the fullest node
  double bytes = 0;     // as nccl-tests counts
  double calls = 1;     // collectives in one group: of the kinds with suffix v, one for each root
  // all_to_all: what the busiest rank sends or receives, itself left out; to whom it sends most;
  // and what it sends to itself.
  double sent = 0;
  double largest = 0;
  double own = 0;

  // Of a ring: all_reduce goes around twice.
  double steps() const;
  // What one link of a ring carries.
  double bus_bytes() const;
};

// REQUIRES: at least one rank; `sizes` as CollectiveCall says.
NcclShape nccl_shape(const CollectiveCall& call, const NodeConstants& node);

// What the busiest node's NICs carry together in one direction: those near its ranks, and no more
// than its uplink. 0: no NIC.
double nics_GBps(const NcclShape& shape, const NodeConstants& node);

}  // namespace lockstep
