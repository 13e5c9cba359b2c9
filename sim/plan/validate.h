// The faults of a plan, each with the entry that has it, so that a reader of its text finds the
// line.
#pragma once

#include <string>
#include <vector>

#include "sim/plan/plan.h"

namespace lockstep {

inline constexpr int kLargestWorld = 65536;
// Rows of a tensor, entries of a sizes list, tokens of a plan: below this.
inline constexpr std::int64_t kRowLimit = std::int64_t{1} << 31;

// A GPU has few streams; a check keeps a clock for each.
inline constexpr int kLargestStream = 63;

struct PlanFault {
  std::string table;  // as in the text form: "groups", "rows", ..., "program"; or "" for the plan
  int index = -1;     // of the entry; -1: the table itself
  std::string message;
};

// Everything that validate() (sim/plan/plan.h) reports, before it is made text. Where a table is
// broken, the operations, which refer to it, are not looked at.
std::vector<PlanFault> plan_faults(const Plan& plan);

// The largest number of shares of a term, and of a rank in a placement, each as often as it has it.
inline constexpr int kLargestShareCount = 1 << 24;

// The parts of plan_faults(): everything but the operations; and the operations. `operation_faults`
// REQUIRES: table_faults(plan) is empty.
std::vector<PlanFault> table_faults(const Plan& plan);
std::vector<PlanFault> model_faults(const Model& model);  // a part of table_faults()
std::vector<PlanFault> operation_faults(const Plan& plan);

}  // namespace lockstep
