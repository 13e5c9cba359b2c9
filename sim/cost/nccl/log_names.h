// Which test of nccl-tests a text names: a line of the log, or the name of the file.
#pragma once

#include <optional>
#include <string>

#include "sim/cost/collective_call.h"

namespace lockstep {

struct NcclTestName {
  std::string text;                // "all_reduce", "gather": as nccl-tests calls it
  std::optional<Collective> kind;  // nothing: no formula here tells its time
  bool operator==(const NcclTestName&) const = default;
};

// The program in a line: "./build/all_reduce_perf -b 8", "# Collective test starting:
// gather_perf". Nothing where there is none, or where there are several.
std::optional<NcclTestName> test_in_line(const std::string& line);

// "all_reduce", also "AllReduce_8gpus.log": the name must end there (not all_reduced), and what is
// also an English word (reduce, gather, ...) must stand alone. Nothing if there is none.
std::optional<NcclTestName> test_in_name(const std::string& name);

}  // namespace lockstep
