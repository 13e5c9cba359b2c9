// The `serving` and `parallel` keys.
#pragma once

#include "sim/parallel/parallel.h"
#include "sim/scenario/checker.h"
#include "sim/scenario/scenario.h"
#include "sim/serving/input.h"

namespace lockstep {

// Each reads its section of the scenario `root`, if it is there, and reports faults.
ServingSpec read_serving(Checker& checker, const Node& root);
ParallelFlags read_parallel(Checker& checker, const Node& root);

}  // namespace lockstep
