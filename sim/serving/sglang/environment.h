// The facts that rules read, from the scenario.
#pragma once

#include <vector>

#include "sim/serving/input.h"
#include "sim/serving/rule_input.h"
#include "sim/serving/sglang/batches.h"
#include "sim/serving/sglang/settings.h"

namespace lockstep::sglang {

// Everything but the facts of a layer, per rank.
std::vector<Environment> environments(const LoweringInput& input, const Parallel& parallel,
                                      const Settings& settings, const ResolvedStep& step);

}  // namespace lockstep::sglang
