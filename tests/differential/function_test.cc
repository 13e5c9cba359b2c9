// What the numbers of a program must be, so that each fault shows in them.
#include "backend/numeric/function.h"

#include <doctest/doctest.h>

#include <cmath>

namespace lockstep::numeric {
namespace {

constexpr Interval kColumns{0, 6};

FunctionName share_of_three(int share, Reduction combine) { return {24785, share, 3, combine}; }

TEST_CASE("every share of a sum has the sign (-1)^(token + column): no sum of shares cancels") {
  for (int share = 0; share < 3; ++share) {
    const FunctionResult result{{4, 7, 8}, kColumns};
    const Matrix<double> values = function_value(share_of_three(share, Reduction::sum), {}, result);
    for (std::int64_t r = 0; r < 3; ++r) {
      for (std::int64_t c = 0; c < kColumns.last; ++c) {
        const std::int64_t token = result.tokens[static_cast<std::size_t>(r)];
        CHECK(values(r, c) * std::pow(-1.0, static_cast<double>(token + c)) > 0.2);
      }
    }
  }
}

TEST_CASE("the maximum of a value and zero is not the value in every second column") {
  const double value = drawn_value(share_of_three(0, Reduction::sum), 5, 0);
  const double next = drawn_value(share_of_three(0, Reduction::sum), 5, 1);
  CHECK(value < 0);
  CHECK(next > 0);
}

TEST_CASE("every share of a maximum is below zero, so that a zero is seen") {
  for (int share = 0; share < 3; ++share) {
    CHECK(drawn_value(share_of_three(share, Reduction::max), 1, 2) < -1);
  }
}

TEST_CASE("offsets of parts: sum over s of e_s = 0, and no e_s is") {
  double sum = 0;
  for (int share = 0; share < 3; ++share) {
    const double e = offset_of_part(share_of_three(share, Reduction::sum), 3, 1);
    CHECK(std::abs(e) > 1e-3);
    sum += e;
  }
  CHECK(std::abs(sum) < 1e-12);
  CHECK(offset_of_part({24785, 0, 1, Reduction::sum}, 3, 1) == 0);  // one share is the whole
}

TEST_CASE("a product keeps signs, and about the size: W_jc = (-1)^(j + c) |w_jc|") {
  Matrix<float> hashed(16, 3, 0.25F);
  hashed(2, 1) = -0.5F;
  const Matrix<float> w = signed_matrix(Block(hashed), {hashed.rows(), 0, 0});
  Matrix<double> x(1, 16);
  for (std::int64_t j = 0; j < 16; ++j) x(0, j) = sign_of(7, j);  // of token 7
  const Matrix<double> y = product(x, Block(w));
  // 16 rows: 16 * (1/4 * 1/4) = 1, and 15/16 + 1/4 * 1/2 in the second column.
  CHECK(y(0, 0) == doctest::Approx(-1));
  CHECK(y(0, 1) == doctest::Approx(15.0 / 16 + 1.0 / 8));
  CHECK(y(0, 2) == doctest::Approx(-1));
}

TEST_CASE("a bias is the same in each row, of alternating signs") {
  const Matrix<double> b = bias_value({7, 0, 1, Reduction::sum}, {{0, 1}, kColumns});
  for (std::int64_t c = 0; c < kColumns.last; ++c) {
    CHECK(b(0, c) == b(1, c));
    CHECK(b(0, c) * std::pow(-1.0, static_cast<double>(c)) >= 0.5);
  }
}

}  // namespace
}  // namespace lockstep::numeric
