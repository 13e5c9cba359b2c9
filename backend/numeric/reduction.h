// Sums and what hand-written programs use beside them: maxima, and logarithms of sums of
// exponentials. What is undefined in one value is undefined in the result.
#pragma once

#include <span>

#include "backend/numeric/tensor.h"
#include "sim/plan/plan.h"

namespace lockstep::numeric {

// What changes nothing that it is folded with: 0, or minus infinity. An average counts as a sum
// here; whoever takes it divides at the end.
double neutral(Reduction reduction);
// a + b, max(a, b) or log(exp(a) + exp(b)).
double folded(Reduction reduction, double a, double b);
// `value` folded with itself, `count` times in all. REQUIRES: count > 0.
double repeated(Reduction reduction, double value, int count);

// What the shares of the terms of `spec` make of the values that hold some of them each: the terms'
// way if they all have one, else their sum.
Reduction way_to_combine(const Plan& plan, const StateSpec& spec);

// As sum<double>(), element by element.
Sum<double> combined(std::span<const Held> members, Reduction reduction);
// As added(). The average is float32, as the sum is.
Held reduced(std::span<const Held> members, Reduction reduction);

}  // namespace lockstep::numeric
