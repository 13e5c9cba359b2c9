#include "backend/numeric/compare.h"

#include <doctest/doctest.h>

#include <cmath>

namespace lockstep::test {
namespace {

using numeric::Fit;
using numeric::Matrix;
using numeric::Measurement;
using numeric::Sum;
using numeric::Target;

Matrix<double> matrix(const std::vector<std::vector<double>>& rows) {
  Matrix<double> m(static_cast<std::int64_t>(rows.size()),
                   static_cast<std::int64_t>(rows.front().size()));
  for (std::size_t r = 0; r < rows.size(); ++r) {
    std::ranges::copy(rows[r], m.row(static_cast<std::int64_t>(r)).begin());
  }
  return m;
}

Sum<double> actual(const std::vector<std::vector<double>>& rows) {
  const auto columns = static_cast<std::int64_t>(rows.front().size());
  return {{{0, columns}}, matrix(rows)};
}

TEST_CASE("a row's error is its worst element over the root mean square of what it should be") {
  // target (3, 4, 0, 0): rms = sqrt(25 / 4) = 2.5; differences 0, 0, 0.5, 0: 0.5 / 2.5 = 0.2
  CHECK(numeric::row_error(std::vector<double>{3, 4, 0.5, 0}, std::vector<double>{3, 4, 0, 0}) ==
        doctest::Approx(0.2));
  CHECK(std::isinf(numeric::row_error(std::vector<double>{NAN}, std::vector<double>{1})));
  CHECK(numeric::row_error(std::vector<double>{0}, std::vector<double>{0}) == 0);
}

TEST_CASE("one wrong element is found however long the row, and names its row only") {
  Matrix<double> term(2, 1000, 1.0);
  const Target target{{0, 1000}, {0, 1}, {&term}};
  Sum<double> have{{{0, 1000}}, term};
  have.values(1, 17) = 1.01;  // error 0.01 / 1; of the row's norm only 0.01 / sqrt(1000) = 0.0003
  const Measurement m = numeric::measure(have, target, 1e-3);
  CHECK_FALSE(m.met(1e-3));
  CHECK(m.wrong == std::vector<std::int64_t>{1});
  CHECK(m.relative < 1e-3);
}

TEST_CASE("padding rows are not compared, real rows that are undefined are wrong") {
  const Matrix<double> term = matrix({{1}, {2}});
  const Target target{{0, 1}, {0, numeric::kPaddingRow, 1}, {&term}};
  CHECK(numeric::measure(actual({{1}, {NAN}, {2}}), target, 0).met(0));
  const Measurement m = numeric::measure(actual({{1}, {7}, {NAN}}), target, 0);
  CHECK_FALSE(m.met(1e9));
  CHECK(m.wrong == std::vector<std::int64_t>{2});
}

TEST_CASE("too few rows, other columns, or a tensor that was never written do not fit") {
  const Matrix<double> term = matrix({{1}, {2}});
  const Target target{{0, 1}, {0, 1}, {&term}};
  CHECK_FALSE(numeric::measure(actual({{1}}), target, 1).fits);
  Sum<double> elsewhere = actual({{1}, {2}});
  elsewhere.columns = {{1, 2}};
  CHECK_FALSE(numeric::measure(elsewhere, target, 1).fits);
  CHECK_FALSE(numeric::measure({}, target, 1).met(1));
  CHECK(numeric::measure({}, {{0, 1}, {numeric::kPaddingRow}, {&term}}, 0).met(0));
}

TEST_CASE("a slice of columns is compared with the slice of the target") {
  const Matrix<double> term = matrix({{1, 2, 3}});
  const Target target{{1, 3}, {0}, {&term}};
  Sum<double> have = actual({{2, 3}});
  have.columns = {{1, 3}};
  CHECK(numeric::measure(have, target, 0).met(0));
}

TEST_CASE("scale is <actual, target> / <target, target>: eight times too large is 8 exactly") {
  const Matrix<double> term = matrix({{1, -2}});
  const Target target{{0, 2}, {0}, {&term}};
  const Sum<double> have = actual({{8, -16}});
  const Fit fit = numeric::fit({{&have, &target, {0}}});
  CHECK(fit.scale == 8);
  CHECK(fit.error_after_scale == 0);
  CHECK(numeric::measure(have, target, 0).relative == 7);  // |8 r - r| / |r|
}

TEST_CASE("each term has its own scale: 1 * routed + 4 * shared") {
  const Matrix<double> routed = matrix({{1, 0, 2}});
  const Matrix<double> shared = matrix({{0, 3, 1}});
  const Target target{{0, 3}, {0}, {&routed, &shared}};
  const Sum<double> have = actual({{1, 12, 6}});
  const Fit fit = numeric::fit({{&have, &target, {0}}});
  CHECK(fit.terms[0] == doctest::Approx(1));
  CHECK(fit.terms[1] == doctest::Approx(4));
  CHECK(fit.error_after_scale > 0.1);
}

TEST_CASE("terms that cannot be told apart are explained by the first") {
  // The same row twice: gram = (2 2; 2 2), right = (4 4): x = (2, 0).
  const Matrix<double> term = matrix({{1, 1}});
  const Target target{{0, 2}, {0}, {&term, &term}};
  const Sum<double> have = actual({{2, 2}});
  const Fit fit = numeric::fit({{&have, &target, {0}}});
  CHECK(fit.terms == std::vector<double>{2, 0});
}

TEST_CASE("rows without numbers say nothing about the scale") {
  const Matrix<double> term = matrix({{1}, {1}});
  const Target target{{0, 1}, {0, 1}, {&term}};
  const Sum<double> have = actual({{3}, {NAN}});
  CHECK(numeric::fit({{&have, &target, {0, 1}}}).scale == 3);
  const Fit nothing = numeric::fit({{&have, &target, {1}}});
  CHECK(nothing.scale == 0);
  CHECK(nothing.error_after_scale == 1);
}

}  // namespace
}  // namespace lockstep::test
