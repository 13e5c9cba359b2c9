#include "sim/base/rational.h"

#include <doctest/doctest.h>

#include <limits>

#include "sim/base/random.h"

using lockstep::parse_rational;
using lockstep::Rational;

namespace {
constexpr std::int64_t kLargest = std::numeric_limits<std::int64_t>::max();
constexpr std::int64_t kSmallest = std::numeric_limits<std::int64_t>::min();
}  // namespace

TEST_CASE("fractions are kept in lowest terms with a positive denominator") {
  CHECK(Rational(4, 8) == Rational(1, 2));
  CHECK(Rational(3, -6) == Rational(-1, 2));
  CHECK(Rational(0, 7) == Rational(0));
  CHECK(Rational(6, 3).denominator() == 1);
}

TEST_CASE("arithmetic is that of fractions") {
  CHECK(Rational(1, 2) + Rational(1, 3) == Rational(5, 6));
  CHECK(Rational(1, 2) - Rational(1, 3) == Rational(1, 6));
  CHECK(Rational(2, 3) * Rational(3, 4) == Rational(1, 2));
  CHECK(Rational(2, 3) / Rational(4, 3) == Rational(1, 2));
  // Eight eighths are one: a sum over eight ranks of a value scaled by 1/8.
  Rational sum;
  for (int i = 0; i < 8; ++i) sum = sum + Rational(1, 8);
  CHECK(sum.is_one());
}

TEST_CASE("a result that does not fit is overflowed, and stays so") {
  const Rational largest(kLargest);
  CHECK((largest + Rational(1)).overflowed());
  CHECK((largest * Rational(2)).overflowed());
  CHECK((Rational(kSmallest) - Rational(1)).overflowed());
  CHECK((Rational(1, kLargest) * Rational(1, 2)).overflowed());
  CHECK((Rational::overflow() + Rational(1)).overflowed());
  CHECK((Rational::overflow() * Rational(0)).overflowed());
  CHECK_FALSE(Rational::overflow() == Rational(0));
  CHECK_FALSE(Rational::overflow().is_zero());
}

TEST_CASE("large intermediate products that cancel do not overflow") {
  // (2^62 / 3) * (3 / 2^62) = 1
  const std::int64_t large = std::int64_t{1} << 62;
  CHECK(Rational(large, 3) * Rational(3, large) == Rational(1));
}

TEST_CASE("text reads back to the same number") {
  for (const char* text : {"0", "8", "1/4", "-3/2", "9223372036854775807"}) {
    CAPTURE(text);
    CHECK(to_string(parse_rational(text)) == text);
  }
  CHECK(parse_rational("2/4") == Rational(1, 2));
  CHECK(to_string(Rational::overflow()) == "overflow");
}

TEST_CASE("text that is no rational is overflowed") {
  for (const char* text :
       {"", "1/0", "1/", "/2", "0.5", "1 / 2", "overflow", "x", "9223372036854775808"}) {
    CAPTURE(text);
    CHECK(parse_rational(text).overflowed());
  }
}

TEST_CASE("sums and products commute and agree with floating point") {
  lockstep::Random random(5);
  for (int i = 0; i < 1000; ++i) {
    const Rational a(random.below(2001) - 1000, random.below(999) + 1);
    const Rational b(random.below(2001) - 1000, random.below(999) + 1);
    CHECK(a + b == b + a);
    CHECK(a * b == b * a);
    CHECK((a + b) - b == a);
    CHECK((a + b).to_double() == doctest::Approx(a.to_double() + b.to_double()));
  }
}
