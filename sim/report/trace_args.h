// What a trace says of an action: its name, and its arguments as JSON.
#pragma once

#include <string>
#include <vector>

#include "sim/report/run_report.h"

namespace lockstep {

// All of it is the same for every action of a label, and is made once.
struct TraceArgs {
  std::string name;                  // quoted, as JSON
  std::string args;                  // a JSON object
  std::vector<std::string> kernels;  // of a label of several kernels: one object each, with commas
                                     // behind name and args
};
TraceArgs trace_args(const RunOfPlan& run, int label);

// A text as JSON writes it, quotes included.
std::string json_text(const std::string& text);

}  // namespace lockstep
