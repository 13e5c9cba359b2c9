// Sums and what hand-written programs use beside them: maxima, and logarithms of sums of
// exponentials. What is undefined in one value is undefined in the result.
#pragma once

#include <span>

#include "backend/numeric/storage.h"
#include "backend/numeric/tensor.h"
#include "sim/plan/plan.h"

namespace lockstep::numeric {

// What changes nothing that it is folded with: 0, or minus infinity. An average counts as a sum
// here; whoever takes it divides at the end.
double neutral(Reduction reduction);
// a + b, max(a, b) or log(exp(a) + exp(b)). Of equal zeros the maximum is +0: a and b may change
// places, and the bits stay.
double folded(Reduction reduction, double a, double b);
// `value` folded with itself, `count` times in all. REQUIRES: count > 0.
double repeated(Reduction reduction, double value, int count);

// What the shares of the terms of `spec` make of the values that hold some of them each: the terms'
// way if they all have one, else their sum.
Reduction way_to_combine(const Plan& plan, const StateSpec& spec);

// As sum<double>(), element by element.
Sum<double> combined(std::span<const Held> members, Reduction reduction);

// One step of a collective: onto[i] := onto[i] folded with other[i], kept in `storage`. A sum (an
// average counts as one) is added in float32, the logarithm of a sum in float64. What is undefined
// is kUndefinedElement afterwards, so that `onto` and `other` may change places, and the bits stay.
// REQUIRES: equal lengths.
void fold(Reduction reduction, Storage storage, std::span<float> onto,
          std::span<const float> other);

}  // namespace lockstep::numeric
