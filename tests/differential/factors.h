// Holds the coefficients of the checker's violations against the scales that the replay measures.
#pragma once

#include <string>

#include "backend/numeric/replay.h"
#include "sim/contract/check.h"
#include "sim/plan/plan.h"

namespace lockstep::test {

// What was compared, over many plans.
struct FactorCount {
  int violations = 0;  // with coefficients, at an obligation of which one operand is wrong
  int compared = 0;    // of those: what least squares can find
  int factors = 0;     // of those: double reductions that have a factor
  int scales = 0;      // of an obligation as a whole
  int terms = 0;       // of a single term
  double worst = 0;    // the largest difference, in tolerances
};
// "12 violations, 10 compared: 8 factors, 3 scales, 14 terms, at most 0.2 tolerances apart".
std::string text_of(const FactorCount& count);

// An obligation holds sum over terms t of c_t * t. Where each c_t is one number on all wrong rows
// of all wrong ranks and for all shares, the replay's least squares must find it: terms[t] = c_t,
// and scale = c where all c_t = c. A factor of a double reduction must be the c_t of its terms. The
// first that differs, by more than the tolerance, in words; empty if none does. REQUIRES: both in
// repair mode.
std::string factors_differ(const Plan& plan, const contract::CheckResult& checked,
                           const numeric::ReplayResult& replayed, FactorCount& count);

}  // namespace lockstep::test
