// What one run takes longer, or less, than another: the price of a bug, or of its fix.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "sim/report/run_report.h"

namespace lockstep {

// An operation of either run, in the mean over the ranks of its plan, waiting for others included.
// Operations are matched by step, layer, module, kind and name; of several equal ones the first
// with the first, and so on.
struct MatchedOperation {
  int here = -1;  // position in the plan; -1: only the other has it
  int there = -1;
  double here_us = 0;
  double there_us = 0;
  double difference_us() const { return here_us - there_us; }
};

// Those of `here` in the order of its plan, then those that only `there` has in the order of its.
// REQUIRES: both have ended.
std::vector<MatchedOperation> match_operations(const RunOfPlan& here, const RunOfPlan& there);

std::string against_text(const RunOfPlan& here, const RunOfPlan& there, const Style& style,
                         bool all);
// The member `against` of a lockstep.run/1 object.
nlohmann::ordered_json against_json(const RunOfPlan& here, const RunOfPlan& there);

}  // namespace lockstep
