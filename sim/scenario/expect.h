// What a check found against what a scenario expects.
#pragma once

#include <string>
#include <vector>

#include "sim/contract/check.h"
#include "sim/plan/plan.h"
#include "sim/scenario/scenario.h"

namespace lockstep {

// One sentence for each expectation of a check that is not met; empty: the test passes.
// `result` is what check() found in `plan`. Expect::replay is the replay's to judge.
std::vector<std::string> differences(const Expect& expect, const contract::CheckResult& result,
                                     const Plan& plan);

}  // namespace lockstep
