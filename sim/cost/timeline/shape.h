// All that decides which kernels an operation runs on one rank.
#pragma once

#include <compare>
#include <cstdint>

#include "sim/cost/timeline/attention_loads.h"
#include "sim/plan/operation.h"

namespace lockstep {

// What serving systems compute in one kernel although the plan says it in several operations.
enum class Fusion : std::uint8_t {
  none,
  into_next,        // a sum that only the norm behind it reads: it is in the norm's kernel
  adds_residual,    // that norm
  carries_norm,     // a fused all-reduce: the sum and the norm behind it are in its kernel
  into_collective,  // they
};

// Two ranks, or two layers, of one shape do the same: it is the key under which the timeline
// remembers what it has computed.
struct Shape {
  OpKind kind = OpKind::require;
  std::int64_t rows = 0;         // that the operation works on, padding too
  std::int64_t real_rows = 0;    // of those, of tokens
  std::int64_t rows_out = 0;     // of the result
  std::int64_t moved = 0;        // copy_rows: rows that it copies
  std::int64_t columns_in = 0;   // of the first operand on this rank
  std::int64_t columns_out = 0;  // of the result on this rank
  int bytes_in = 2;              // of an element
  int bytes_out = 2;
  int operands = 1;
  // What is computed is cut over so many ranks: heads, columns of a feed-forward, vocabulary.
  int parts = 1;
  int experts = 0;       // of the rank
  int shared_parts = 0;  // a fused shared expert is cut over so many ranks; 0: there is none
  Fusion fusion = Fusion::none;
  bool dispatched = false;  // experts: the rows came by an all-to-all, to where they are needed
  AttentionLoad load;

  auto operator<=>(const Shape&) const = default;
};

}  // namespace lockstep
