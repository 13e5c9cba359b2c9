#include "sim/base/rational.h"

#include <fmt/format.h>

#include <limits>
#include <numeric>

#include "sim/base/require.h"
#include "sim/base/text.h"

namespace lockstep {
namespace {

__extension__ using Wide = __int128;

Wide gcd(Wide a, Wide b) {
  while (b != 0) {
    const Wide rest = a % b;
    a = b;
    b = rest;
  }
  return a < 0 ? -a : a;
}

Rational normalised(Wide numerator, Wide denominator) {
  if (denominator < 0) {
    numerator = -numerator;
    denominator = -denominator;
  }
  const Wide divisor = gcd(numerator, denominator);
  if (divisor > 1) {
    numerator /= divisor;
    denominator /= divisor;
  }
  constexpr Wide kMax = std::numeric_limits<std::int64_t>::max();
  if (numerator > kMax || numerator < -kMax || denominator > kMax) return Rational::overflow();
  return {static_cast<std::int64_t>(numerator), static_cast<std::int64_t>(denominator)};
}

bool either_overflowed(Rational a, Rational b) { return a.overflowed() || b.overflowed(); }

}  // namespace

Rational::Rational(std::int64_t numerator, std::int64_t denominator) {
  LOCKSTEP_ASSERT(denominator != 0);
  const bool already_normal = denominator > 0 && std::gcd(numerator, denominator) == 1 &&
                              numerator != std::numeric_limits<std::int64_t>::min();
  if (already_normal) {
    numerator_ = numerator;
    denominator_ = denominator;
  } else {
    *this = normalised(numerator, denominator);
  }
}

double Rational::to_double() const {
  return static_cast<double>(numerator_) / static_cast<double>(denominator_);
}

Rational operator+(Rational a, Rational b) {
  if (either_overflowed(a, b)) return Rational::overflow();
  return normalised(Wide{a.numerator()} * b.denominator() + Wide{b.numerator()} * a.denominator(),
                    Wide{a.denominator()} * b.denominator());
}

Rational operator-(Rational a, Rational b) { return a + Rational(-1) * b; }

Rational operator*(Rational a, Rational b) {
  if (either_overflowed(a, b)) return Rational::overflow();
  return normalised(Wide{a.numerator()} * b.numerator(), Wide{a.denominator()} * b.denominator());
}

Rational operator/(Rational a, Rational b) {
  if (either_overflowed(a, b)) return Rational::overflow();
  LOCKSTEP_ASSERT(!b.is_zero());
  return normalised(Wide{a.numerator()} * b.denominator(), Wide{a.denominator()} * b.numerator());
}

std::string to_string(Rational r) {
  if (r.overflowed()) return "overflow";
  if (r.denominator() == 1) return fmt::format("{}", r.numerator());
  return fmt::format("{}/{}", r.numerator(), r.denominator());
}

Rational parse_rational(std::string_view text) {
  const std::size_t slash = text.find('/');
  const auto numerator = parse_integer(text.substr(0, slash));
  if (!numerator) return Rational::overflow();
  if (slash == std::string_view::npos) return normalised(*numerator, 1);
  const auto denominator = parse_integer(text.substr(slash + 1));
  if (!denominator || *denominator <= 0) return Rational::overflow();
  return {*numerator, *denominator};
}

}  // namespace lockstep
