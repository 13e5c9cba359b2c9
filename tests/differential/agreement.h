// Holds the checker's answer against the oracle's, obligation by obligation.
#pragma once

#include <string>

#include "backend/numeric/replay.h"
#include "sim/contract/check.h"
#include "sim/plan/plan.h"

namespace lockstep::test {

// The first disagreement in words; empty if the two agree. `stopped` must name the same operation;
// obligations are compared up to it.
std::string disagreement(const Plan& plan, const contract::CheckResult& checked,
                         const numeric::ReplayResult& replayed);

// The same for a plan, from scratch.
std::string disagreement(const Plan& plan);

// A smaller plan on which the two still disagree: operations are taken away one by one as long as
// the rest is a plan and the disagreement stays.
Plan shrunk(Plan plan);

}  // namespace lockstep::test
