// Holds the coefficients of the checker's violations against the scales that the replay measures.
#pragma once

#include <string>

#include "backend/numeric/replay.h"
#include "sim/contract/check.h"
#include "sim/plan/plan.h"

namespace lockstep::test {

// What was compared, over many plans.
struct FactorCount {
  int violations = 0;  // with coefficients, at an obligation that the replay reached
  int compared = 0;    // of those: with a number that least squares can give
  int scales = 0;      // one of a whole obligation
  int terms = 0;       // one of a term
  double worst = 0;    // difference in tolerances
};
// "12 violations, 10 compared: 3 scales, 14 terms, at most 0.2 tolerances apart".
std::string text_of(const FactorCount& count);

// An obligation holds sum over terms t of c_t * t. Where each c_t is one number on all wrong rows
// of all wrong ranks and for all shares, the replay's least squares must find it: terms[t] = c_t,
// and scale = c where all c_t = c. The first that differs by more than the obligations' own limit,
// ten tolerances, in words; empty if none does. REQUIRES: both in repair mode.
std::string factors_differ(const Plan& plan, const contract::CheckResult& checked,
                           const numeric::ReplayResult& replayed, FactorCount& count);

}  // namespace lockstep::test
