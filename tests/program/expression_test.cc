#include "sim/program/expression.h"

#include <doctest/doctest.h>

#include <string>

using namespace lockstep;
using program::Evaluated;

namespace {

std::optional<Rational> names(std::string_view name, std::string_view argument) {
  if (name == "rank") return Rational(3);
  if (name == "size" && argument == "tp") return Rational(8);
  return std::nullopt;
}

Rational value(std::string_view text) {
  const Evaluated result = program::evaluate(text, names);
  CAPTURE(text);
  CHECK_MESSAGE(result.fault.empty(), result.fault);
  return result.value;
}

std::string fault(std::string_view text) { return program::evaluate(text, names).fault; }

}  // namespace

TEST_CASE("values are exact fractions") {
  CHECK(value("1/8") == Rational(1, 8));
  CHECK(value("1/size(tp)") == Rational(1, 8));
  CHECK(value("2 + 3 * 4") == Rational(14));
  CHECK(value("(2 + 3) * 4") == Rational(20));
  CHECK(value("-rank + 1") == Rational(-2));
  // floor(-7 / 2) = -4 and -7 - 2 * -4 = 1.
  CHECK(value("-7 // 2") == Rational(-4));
  CHECK(value("-7 % 2") == Rational(1));
  CHECK(value("7 / 2") == Rational(7, 2));
}

TEST_CASE("comparisons and connectives give 1 or 0") {
  CHECK(value("rank == 3") == Rational(1));
  CHECK(value("rank != 3 or rank >= 3") == Rational(1));
  CHECK(value("not rank < 2 and rank <= 3") == Rational(1));
  CHECK(value("not (rank > 2)") == Rational(0));
  CHECK(value("true and not false") == Rational(1));
  // `or` binds less than `and`: 1 or (0 and 0).
  CHECK(value("1 or 0 and 0") == Rational(1));
}

TEST_CASE("what is no expression is told") {
  CHECK(fault("rank +") == "did not expect the end");
  CHECK(fault("rank 3") == "did not expect '3'");
  CHECK(fault("rnak") == "there is no 'rnak'");
  CHECK(fault("size(xp)") == "there is no 'size(xp)'");
  CHECK(fault("(1") == "')' is missing");
  CHECK(fault("size(tp") == "')' is missing");
  CHECK(fault("1 / 0") == "division by zero");
  CHECK(fault("3 % (rank - 3)") == "division by zero");
  CHECK(fault("9223372036854775807 + 1") == "the value does not fit in 64 bits");
  CHECK(fault(std::string(500, '(')) == "nested deeper than 40");
  CHECK(fault(std::string(1001, ' ')) == "longer than 1,000 characters");
}
