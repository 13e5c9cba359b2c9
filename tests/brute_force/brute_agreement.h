// Holds the checker's answer against that of the brute force, and two answers of the checker
// against each other.
#pragma once

#include <string>

#include "sim/contract/check.h"
#include "sim/plan/plan.h"
#include "tests/brute_force/brute_force.h"

namespace lockstep::test {

// The first disagreement in words; empty if the two agree: on the verdict, where the ranks stop,
// which obligations are unmet on which ranks, and on every coefficient that a violation tells.
std::string disagreement(const Plan& plan, const contract::CheckResult& checked,
                         const BruteForce& brute);

// Where two answers differ, in any field of verdict, violations and obligations.
std::string difference_of(const Plan& plan, const contract::CheckResult& a,
                          const contract::CheckResult& b);

}  // namespace lockstep::test
