#include "sim/serving/expression.h"

#include <array>
#include <limits>

#include "sim/base/require.h"

namespace lockstep {
namespace {

constexpr std::int64_t kLargest = std::numeric_limits<std::int64_t>::max();

// No known operand is ever negative: the language has no minus.
std::int64_t saturating_add(std::int64_t a, std::int64_t b) {
  if (a == kUnknown || b == kUnknown) return kUnknown;
  return a > kLargest - b ? kLargest : a + b;
}

std::int64_t saturating_multiply(std::int64_t a, std::int64_t b) {
  if (a == kUnknown || b == kUnknown) return kUnknown;
  return b != 0 && a > kLargest / b ? kLargest : a * b;
}

std::int64_t conjunction(std::int64_t a, std::int64_t b) {
  if (a == 0 || b == 0) return 0;
  return a == kUnknown || b == kUnknown ? kUnknown : 1;
}

std::int64_t disjunction(std::int64_t a, std::int64_t b) {
  if (a == 1 || b == 1) return 1;
  return a == kUnknown || b == kUnknown ? kUnknown : 0;
}

bool compares(Expression::Op op) {
  return op >= Expression::Op::equal && op <= Expression::Op::greater_equal;
}

std::int64_t apply(Expression::Op op, std::int64_t a, std::int64_t b) {
  using Op = Expression::Op;
  if (compares(op) && (a == kUnknown || b == kUnknown)) return kUnknown;
  switch (op) {
    case Op::logical_and:
      return conjunction(a, b);
    case Op::logical_or:
      return disjunction(a, b);
    case Op::equal:
      return a == b;
    case Op::unequal:
      return a != b;
    case Op::less:
      return a < b;
    case Op::less_equal:
      return a <= b;
    case Op::greater:
      return a > b;
    case Op::greater_equal:
      return a >= b;
    case Op::add:
      return saturating_add(a, b);
    case Op::multiply:
      return saturating_multiply(a, b);
    default:
      LOCKSTEP_ASSERT(false);
  }
  return 0;
}

}  // namespace

std::optional<std::vector<std::int64_t>> Expression::thresholds(Input input) const {
  std::vector<std::int64_t> literals;
  for (std::size_t i = 0; i < code_.size(); ++i) {
    const bool here = code_[i].op == Op::input && static_cast<Input>(code_[i].value) == input;
    if (!here) continue;
    const bool compared =
        i + 2 < code_.size() && code_[i + 1].op == Op::literal && compares(code_[i + 2].op);
    if (!compared) return std::nullopt;
    literals.push_back(code_[i + 1].value);
  }
  return literals;
}

std::int64_t Expression::evaluate(const Environment& environment) const {
  // Every instruction pushes at most one value, and each takes at least one character.
  std::array<std::int64_t, kMaxLength> stack;  // NOLINT(*-member-init): written before it is read
  std::size_t top = 0;
  for (const Instruction& i : code_) {
    if (i.op == Op::literal) {
      stack[top++] = i.value;
    } else if (i.op == Op::input) {
      stack[top++] = environment.at(static_cast<Input>(i.value));
    } else if (i.op == Op::logical_not) {
      if (stack[top - 1] != kUnknown) stack[top - 1] = stack[top - 1] == 0;
    } else {
      --top;
      stack[top - 1] = apply(i.op, stack[top - 1], stack[top]);
    }
  }
  LOCKSTEP_ASSERT(top == 1);
  return stack[0];
}

}  // namespace lockstep
