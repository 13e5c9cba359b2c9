// Chains: the pipelined broadcast and reduce of a ring, alone or n of them in a group.
#pragma once

#include <memory>

#include "sim/cost/collectives/algorithms.h"

namespace lockstep {

// Of a broadcast, a reduce, an all_gatherv or a reduce_scatterv.
std::unique_ptr<const CollectiveSchedule> chain_schedule(const CollectiveCall& call,
                                                         const Topology& topology);
ClosedForm chain_formula(const CollectiveCall& call, const Topology& topology);

}  // namespace lockstep
