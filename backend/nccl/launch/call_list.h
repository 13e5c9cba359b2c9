// The list of what a rank calls of NCCL while it runs a plan: as the plan says it, and as the rank
// recorded it. The two must be equal.
#pragma once

#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <vector>

#include "backend/nccl/launch/nccl_call.h"
#include "backend/process/bytes.h"
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

// Adds what a rank calls in `operation`, after what it called before. No calls add nothing.
void add(CallList& list, int operation, std::span<const NcclCall> calls);

// For a rank's last words to the coordinator (process::Worker::finish). decode_calls() throws
// process::BytesError.
void encode(process::ByteWriter& out, const CallList& list);
CallList decode_calls(process::ByteReader& in);

// What each rank calls when it runs the plan to its end, by rank. It follows from the plan and the
// shapes of its tensors; no value counts. `repairs`: as of a replay without --propagate. A rank
// that cannot go on has the calls until there: such a plan has no end, and nothing to compare.
// REQUIRES: validate(plan) is empty.
std::vector<CallList> expected_calls(const Plan& plan, bool repairs);

// The first thing in which what `rank` called differs from what the plan says, in words; empty if
// nothing does.
std::string difference(const Plan& plan, int rank, const CallList& expected,
                       const CallList& called);
// The same over all ranks, the lowest first. REQUIRES: as many lists, both times.
std::string difference(const Plan& plan, const std::vector<CallList>& expected,
                       const std::vector<CallList>& called);

// "reduce sum count=4096 root=2 over moe_tp, 8 ranks"
std::string text_of(const Plan& plan, int rank, int operation, const NcclCall& call);

// The member `nccl_calls` of a lockstep.replay/1 object: {"as_planned", "difference", "ranks"}.
// `difference` is that of the lists, and absent if it is empty; "ranks" is [{"rank", "calls"}], and
// a call is {"operation", "call", "reduction", "count", "root" or "peer", "group", "members"},
// where `reduction` is of calls that reduce, and `members` counts those of the group. REQUIRES: as
// many lists as the plan has ranks.
nlohmann::ordered_json nccl_calls_json(const Plan& plan, const std::vector<CallList>& called,
                                       const std::string& difference);

}  // namespace lockstep::nccl
