// The expressions of a program: `when: rank < 2 and tokens > 0`, `by: 1/size(tp)`.
//
//   or < and < not < comparison (one, not a chain) < + - < * / // % < - ( )
//
// Values are exact fractions; `//` rounds down; comparisons, `and`, `or`, `not` give 1 or 0, and
// everything but 0 is true. Names and calls of one name, `size(tp)`, are the caller's.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "sim/base/rational.h"

namespace lockstep::program {

// The value of `name`, or of `name(argument)`; nullopt: there is no such thing.
using Lookup =
    std::function<std::optional<Rational>(std::string_view name, std::string_view argument)>;

struct Evaluated {
  Rational value;
  std::string fault;  // empty: none
};

// Text longer than 1,000 characters or nested deeper than 40 is a fault.
Evaluated evaluate(std::string_view text, const Lookup& lookup);

}  // namespace lockstep::program
