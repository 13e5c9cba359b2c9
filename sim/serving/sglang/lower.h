// Lowers a scenario as SGLang would run it at one revision, or, for the system `plain`, the same
// skeleton with no rules: every producer sums at once, and rows return by copying.
#pragma once

#include <set>

#include "sim/serving/input.h"

namespace lockstep::sglang {

// Adds to `asked` the pull requests whose part in the revision decided something.
Result<Plan> lower_sglang(const LoweringInput& input, std::set<int>& asked);
Result<Plan> lower_plain(const LoweringInput& input);

}  // namespace lockstep::sglang
