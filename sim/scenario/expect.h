// What a check found against what a scenario expects.
#pragma once

#include <string>
#include <vector>

#include "sim/contract/check.h"
#include "sim/plan/plan.h"
#include "sim/scenario/explain.h"
#include "sim/scenario/scenario.h"

namespace lockstep {

// One sentence for each expectation of a check that is not met; empty: the test passes.
// `result` is what check() found in `plan`. Expect::replay is the replay's to judge. `explained` is
// what explain() found, or empty where asks_for_explanation() is false.
std::vector<std::string> differences(const Expect& expect, const contract::CheckResult& result,
                                     const Plan& plan,
                                     const std::vector<std::vector<Explanation>>& explained = {});

// True if some expected violation names the pull request that explains it.
bool asks_for_explanation(const Expect& expect);

}  // namespace lockstep
