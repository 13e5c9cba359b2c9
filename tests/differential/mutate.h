// Small, seeded changes to a plan: what a careless engineer or a broken rule would do to it.
#pragma once

#include <string>

#include "sim/base/random.h"
#include "sim/plan/plan.h"

namespace lockstep::test {

// A mutant and what was done to it, or nothing if the chosen change does not apply to this plan.
struct Mutant {
  Plan plan;
  std::string what;  // empty: not applicable
};

// Applies one random change. The result may be invalid: call validate().
Mutant mutate(const Plan& plan, Random& random);

}  // namespace lockstep::test
