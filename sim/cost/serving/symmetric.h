// NCCL's kernels on symmetric memory: buffers that every rank has mapped at the same address, so
// that peers read and write them without a copy. The same movements as all_reduce.h, so that they
// have its constants:
//
//   all-reduce                   the quickest of one-shot, two-shot and, with a switch that sums,
//                                multimem
//   all-gather, reduce-scatter   half a two-shot: half its floor, (n - 1) / n of the whole buffer
//
// (NCCL has more kernels, AGxLL_R, RSxLD_AGxST, RSxLDMC_AGxSTMC, ...; these are their kinds.)
// One-shot and two-shot are SGLang's, whose one-shot writes into peers as NCCL's does; multimem is
// vLLM's.
#pragma once

#include <optional>

#include "sim/cost/collective_call.h"
#include "sim/cost/hardware.h"

namespace lockstep {

// Nothing for other kinds, between nodes, and where SGLang's limits say that ranks do not reach
// each other's memory.
std::optional<CollectiveTime> symmetric_time(const CollectiveCall& call, const Hardware& hardware);

}  // namespace lockstep
