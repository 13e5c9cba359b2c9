// Exact coefficients: 64-bit rationals that know when they no longer fit.
#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

namespace lockstep {

// A normalised fraction (denominator > 0, lowest terms) or `overflowed`. Arithmetic never wraps:
// a result that does not fit in 64 bits is `overflowed`, and stays so. An overflowed rational
// equals no number; the checker answers `unknown` when it meets one.
class Rational {
 public:
  constexpr Rational() = default;
  constexpr Rational(std::int64_t whole) : numerator_(whole) {}  // NOLINT(*-explicit-*)
  // REQUIRES: denominator != 0.
  Rational(std::int64_t numerator, std::int64_t denominator);
  static constexpr Rational overflow() {
    Rational r;
    r.denominator_ = 0;
    return r;
  }

  constexpr std::int64_t numerator() const { return numerator_; }
  constexpr std::int64_t denominator() const { return denominator_; }
  constexpr bool overflowed() const { return denominator_ == 0; }
  constexpr bool is_zero() const { return numerator_ == 0 && denominator_ != 0; }
  constexpr bool is_one() const { return numerator_ == 1 && denominator_ == 1; }
  double to_double() const;

  constexpr bool operator==(const Rational&) const = default;

 private:
  std::int64_t numerator_ = 0;
  std::int64_t denominator_ = 1;
};

Rational operator+(Rational a, Rational b);
Rational operator-(Rational a, Rational b);
Rational operator*(Rational a, Rational b);
// REQUIRES: b is not zero.
Rational operator/(Rational a, Rational b);

// "8", "1/4", "-3/2"; "overflow" for an overflowed one.
std::string to_string(Rational r);
// The reverse of to_string (but never "overflow"); `overflow()` where the text is no rational.
Rational parse_rational(std::string_view text);

}  // namespace lockstep
