// The `hardware` key.
#pragma once

#include "sim/scenario/checker.h"
#include "sim/scenario/scenario.h"

namespace lockstep {

// Reads a preset's name, or a map of `preset` or `file`, `nodes` and constants, into
// `scenario.hardware` and `scenario.nodes`, and reports faults.
void read_hardware(Checker& checker, const Node& root, Scenario& scenario);

}  // namespace lockstep
