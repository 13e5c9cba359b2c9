// The list of what a rank calls of NCCL while it runs a plan: as the plan says it, and as the rank
// recorded it. The two must be equal.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "backend/nccl/launch/nccl_call.h"
#include "sim/plan/plan.h"

namespace lockstep::nccl {

// The calls of one rank in one operation of the plan, in their order.
struct OperationCalls {
  int operation = 0;
  std::vector<NcclCall> calls;
  bool operator==(const OperationCalls&) const = default;
};

// Of one rank, in the order in which it executes them. Operations that call nothing are left out.
using CallList = std::vector<OperationCalls>;

// What each rank calls when it runs the plan to its end, by rank. It follows from the plan and the
// shapes of its tensors; no value counts. `repairs`: as of a replay without --propagate. A rank
// that cannot go on has the calls until there: such a plan has no end, and nothing to compare.
// REQUIRES: validate(plan) is empty.
std::vector<CallList> expected_calls(const Plan& plan, bool repairs);

// The first thing in which what `rank` called differs from what the plan says, in words; empty if
// nothing does.
std::string difference(const Plan& plan, int rank, const CallList& expected,
                       const CallList& called);

// "reduce sum count=4096 root=2 over moe_tp, 8 ranks"
std::string text_of(const Plan& plan, int rank, int operation, const NcclCall& call);

// [{"operation", "call", "reduction", "count", "root" or "peer", "group", "ranks"}]: the members of
// the group are counted; `reduction` is of calls that reduce.
nlohmann::ordered_json call_list_json(const Plan& plan, int rank, const CallList& list);

}  // namespace lockstep::nccl
