#include "tests/nccl/agreement.h"

#include <fmt/format.h>

#include <cmath>

namespace lockstep::test {

using numeric::Matrix;

namespace {

std::string other_shape(const std::string& what, const Matrix<float>& actual,
                        const Matrix<float>& expected) {
  return fmt::format("{}: expected {} x {}, got {} x {}", what, expected.rows(), expected.columns(),
                     actual.rows(), actual.columns());
}

bool have_same_shape(const Matrix<float>& a, const Matrix<float>& b) {
  return a.rows() == b.rows() && a.columns() == b.columns();
}

bool is_near(float actual, float expected, double allowed) {
  if (std::isnan(expected)) return std::isnan(actual);
  if (actual == expected) return true;
  return std::abs(static_cast<double>(actual) - static_cast<double>(expected)) <= allowed;
}

}  // namespace

double one_step(numeric::Storage storage) { return 2 * numeric::unit_roundoff(storage); }

std::string difference(const std::string& what, const Matrix<float>& actual,
                       const Matrix<float>& expected, const Allowed& allowed) {
  if (!have_same_shape(actual, expected)) return other_shape(what, actual, expected);
  std::string first;
  std::int64_t wrong = 0;
  for (std::int64_t r = 0; r < expected.rows(); ++r) {
    for (std::int64_t c = 0; c < expected.columns(); ++c) {
      const float e = expected(r, c);
      double bound = allowed.relative * std::abs(static_cast<double>(e)) + allowed.absolute;
      if (allowed.factor > 0)
        bound += allowed.factor * static_cast<double>(allowed.magnitude(r, c));
      if (is_near(actual(r, c), e, bound)) continue;
      if (wrong++ > 0) continue;
      first = fmt::format(
          "{}: row {}, column {} of {} x {}: expected {:.9g}, got {:.9g}, allowed "
          "{:.3g}",
          what, r, c, expected.rows(), expected.columns(), e, actual(r, c), bound);
    }
  }
  if (wrong == 0) return "";
  return fmt::format("{}; {} of {} elements differ", first, wrong,
                     expected.rows() * expected.columns());
}

std::string row_difference(const std::string& what, const Matrix<float>& actual,
                           const Matrix<float>& expected, double relative) {
  if (!have_same_shape(actual, expected)) return other_shape(what, actual, expected);
  for (std::int64_t r = 0; r < expected.rows(); ++r) {
    double of_difference = 0;
    double of_expected = 0;
    for (std::int64_t c = 0; c < expected.columns(); ++c) {
      if (std::isnan(expected(r, c)) && std::isnan(actual(r, c))) continue;
      const auto e = static_cast<double>(expected(r, c));
      const double d = static_cast<double>(actual(r, c)) - e;
      of_difference += d * d;
      of_expected += e * e;
    }
    const bool is_near_enough =
        std::sqrt(of_difference) <= relative * std::sqrt(of_expected);  // false where one is NaN
    if (is_near_enough) continue;
    return fmt::format(
        "{}: row {} of {} x {}: |difference| {:.3g}, |expected| {:.3g}, allowed {:.3g}"
        " of it; it begins with {:.9g}, expected {:.9g}",
        what, r, expected.rows(), expected.columns(), std::sqrt(of_difference),
        std::sqrt(of_expected), relative, actual(r, 0), expected(r, 0));
  }
  return "";
}

}  // namespace lockstep::test
