// Holds a tensor against what it should be: how wrong each row is, and by which factors.
#pragma once

#include <cstdint>
#include <vector>

#include "backend/numeric/matrix.h"
#include "backend/numeric/tensor.h"

namespace lockstep::numeric {

inline constexpr std::int64_t kPaddingRow = -1;  // owed to nobody
inline constexpr std::int64_t kUnknownRow = -2;  // a token without a reference: never right

// What a tensor should be on one rank: `rows[i]` is the row of every term's matrix that belongs in
// its row i, and the value is the sum of the terms there.
struct Target {
  Interval columns;
  std::vector<std::int64_t> rows;
  std::vector<const Matrix<double>*> terms;
  bool zero_padding = false;  // rows of padding must be zero
};
// The value of one row; NaN where the terms do not reach.
std::vector<double> target_row(const Target& target, std::int64_t row);

struct Measurement {
  bool fits = true;  // rows and columns are as many and as placed as expected
  // The largest row_error of a real row; infinite for NaN, a misfit, or padding that must be zero
  // and is not.
  double worst_row = 0;
  double relative = 0;              // |actual - target| / |target| over the real rows
  std::vector<std::int64_t> real;   // rows that hold a token
  std::vector<std::int64_t> wrong;  // those with row_error > limit
  bool met(double limit) const { return worst_row <= limit; }
};

// The largest difference of one element over the root mean square of the target's row: at least
// |actual - target| / |target|, and not diluted by a row's length where one element is off.
double row_error(std::span<const double> actual, std::span<const double> target);

// A tensor that was never written (no columns) fits only where no row holds a token.
Measurement measure(const Sum<double>& actual, const Target& target, double limit);

// Some rows of a measured tensor.
struct Sample {
  const Sum<double>* actual = nullptr;
  const Target* target = nullptr;
  std::vector<std::int64_t> rows;
};

// By least squares over all samples' rows that hold numbers: actual = scale * target, and
// actual = sum over terms of terms[t] * term t. Without such rows the scales are 0 and the error 1.
// Terms that cannot be told apart share what they explain with the first of them.
struct Fit {
  double scale = 0;
  double error_after_scale = 1;  // |actual - scale * target| / |actual|
  std::vector<double> terms;
};
// REQUIRES: all samples have equally many terms and fit their targets.
Fit fit(const std::vector<Sample>& samples);

// Solves the symmetric `gram` * x = `right` by elimination; unknowns without a pivot are 0.
std::vector<double> solve(Matrix<double> gram, std::vector<double> right);

}  // namespace lockstep::numeric
