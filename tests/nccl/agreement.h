// How near two matrices are, and where they first differ by more.
#pragma once

#include <string>

#include "backend/numeric/matrix.h"
#include "backend/numeric/storage.h"

namespace lockstep::test {

// |actual - expected| <= relative * |expected| + absolute + factor * magnitude(r, c). Infinities
// and NaN agree with their likes alone.
struct Allowed {
  double relative = 0;
  double absolute = 0;
  double factor = 0;
  numeric::Matrix<float> magnitude = {};  // as large as the result, if factor is not 0
};

// One step to the next number of the type that a result is kept in: a value near the middle of two
// may be rounded to either. 2 * unit roundoff.
double one_step(numeric::Storage storage);
// float32's unit roundoff, 2^-24.
inline constexpr double kFloatRounding = 0x1p-24;

// "" if they agree; else "`what`: row 3, column 5 of 17 x 33: expected 0.5, got 0.25, allowed 1e-3;
// 12 of 561 elements differ".
std::string difference(const std::string& what, const numeric::Matrix<float>& actual,
                       const numeric::Matrix<float>& expected, const Allowed& allowed = {});

// "" if in each row |actual - expected| <= relative * |expected|, by the Euclidean norm over
// the elements that are not NaN in both; NaN agrees with NaN alone.
std::string row_difference(const std::string& what, const numeric::Matrix<float>& actual,
                           const numeric::Matrix<float>& expected, double relative);

}  // namespace lockstep::test
