// Why a violation is there at this revision: the pull requests that decide about it. Found by
// lowering and checking the scenario with each one toggled, never from a list of known answers.
#pragma once

#include <vector>

#include "sim/contract/check.h"
#include "sim/scenario/scenario.h"

namespace lockstep {

// A pull request of the timeline that, toggled alone, makes a violation vanish: no violation of the
// same block (step, layer, module) is then left that shares a term with it, and no communicator
// stops that did not stop before.
struct Explanation {
  int pull_request = 0;
  bool added = false;  // it is not in the revision, and was added; else it was taken out
  bool holds = false;  // the whole scenario then holds

  bool operator==(const Explanation&) const = default;
};

// For each violation of `result`, in its order, what explains it: first what makes the whole
// scenario hold; of those that are alike in this, first what is added (a fix that exists), then
// what is taken out; of those, first what is nearest to the revision in the timeline. Empty lists
// for a system without revisions. REQUIRES: `plan` was lowered from `scenario` and `result` is what
// check() found in it.
std::vector<std::vector<Explanation>> explain(const Scenario& scenario, const Plan& plan,
                                              const contract::CheckResult& result);

}  // namespace lockstep
