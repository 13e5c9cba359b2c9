// The `serving`, `parallel` and `hardware` keys.
#pragma once

#include "sim/parallel/parallel.h"
#include "sim/scenario/checker.h"
#include "sim/scenario/scenario.h"
#include "sim/serving/input.h"

namespace lockstep {

// Each reads its section of the scenario `root`, if it is there, and reports faults.
ServingSpec read_serving(Checker& checker, const Node& root);
ParallelFlags read_parallel(Checker& checker, const Node& root);
Hardware read_hardware(Checker& checker, const Node& root);

// Design section 4: "hgx-h200", ...; in the order of the documentation.
std::vector<std::string> hardware_preset_names();

}  // namespace lockstep
