// Sums of a run's operations, by what a reader asks for.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "sim/report/run_report.h"

namespace lockstep {

// Per rank, in the mean over all ranks of the plan.
struct TableRow {
  std::string name;
  std::int64_t operations = 0;
  std::int64_t calls = 0;  // kernels or collectives started, over ranks
  double compute_us = 0;
  double communication_us = 0;
  double wait_us = 0;
  double total_us() const { return compute_us + communication_us + wait_us; }
};

// Operations of one name form a row, in the order of the first of each.
std::vector<TableRow> table_by(const RunOfPlan& run,
                               const std::function<std::string(const Operation&)>& name);

// "all_reduce (dp_gather)": the kind, and the name if it has another one.
std::string kind_name(const Operation& op);
// How a collective is carried out: "custom one-shot", "nccl ring LL"; "" of what computes.
std::string label_text(const TimedProgram& timed, int label);
// The call or transfer of a label; null: it computes.
const TimedCall* call_of(const TimedProgram& timed, int label);

}  // namespace lockstep
