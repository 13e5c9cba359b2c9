// What each kind of operation takes and makes: the table behind the validation of operations.
#pragma once

#include <cstddef>
#include <limits>
#include <string_view>

#include "sim/plan/plan.h"

namespace lockstep {

inline constexpr std::size_t kAnyCount = std::numeric_limits<std::size_t>::max();

// An empty name of columns: whatever they are. Those of `free` kinds are told apart operand by
// operand; of the others, results have the columns of the operands.
struct OpShape {
  std::size_t least_in = 1;
  std::size_t most_in = 1;
  std::size_t out = 1;
  std::string_view columns_in = {};
  std::string_view columns_second = {};
  std::string_view columns_out = {};
  bool free_columns = false;
};
OpShape op_shape(OpKind kind);

// True if operations of this kind make terms of that kind.
bool makes(OpKind op, TermKind term);

}  // namespace lockstep
