// The language in which rules are written: `and or not == != < <= > >= + * ( )`, integers, true,
// false, unknown, the inputs and symbols of rule_input.h.
//
//   or < and < not < comparison (one, not a chain) < + < *
//
// A rule is a boolean. A comparison has equal types on both sides; a symbol is compared with an
// input that can have that value; < and its kin, + and * take integers. Sums and products that do
// not fit in 64 bits stop at the largest value.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sim/base/error.h"
#include "sim/serving/rule_input.h"

namespace lockstep {

class Expression {
 public:
  // Faults name the column in `text` and, for an unknown name, the nearest known one. Text longer
  // than kMaxLength or nested deeper than kMaxDepth is refused.
  static Result<Expression> parse(std::string_view text);

  // 0, 1 or kUnknown.
  std::int64_t evaluate(const Environment& environment) const;

  const std::string& text() const { return text_; }
  // Inputs that the expression mentions, each once, in order of appearance.
  const std::vector<Input>& inputs() const { return inputs_; }
  // The literals that `input` is compared with, if all it is used for is to be compared with them;
  // nullopt if the expression looks at it in any other way.
  std::optional<std::vector<std::int64_t>> thresholds(Input input) const;

  static constexpr std::size_t kMaxLength = 1000;
  static constexpr int kMaxDepth = 40;

  enum class Op : std::uint8_t {
    literal,
    input,
    logical_not,
    logical_and,
    logical_or,
    equal,
    unequal,
    less,
    less_equal,
    greater,
    greater_equal,
    add,
    multiply,
  };
  // Postfix code: operands first.
  struct Instruction {
    Op op = Op::literal;
    std::int64_t value = 0;  // of a literal; of an input, its number
  };

 private:
  friend class ExpressionParser;

  std::string text_;
  std::vector<Instruction> code_;
  std::vector<Input> inputs_;
};

}  // namespace lockstep
