// What a tensor holds on one rank, written out: every column block, every row.
#pragma once

#include <cstdint>
#include <vector>

#include "sim/plan/plan.h"
#include "tests/brute_force/cell.h"

namespace lockstep::test {

struct Block {
  std::int64_t first = 0;  // columns [first, last)
  std::int64_t last = 0;
  std::vector<Cell> rows;  // as many as in every other block of the tensor
  bool operator==(const Block&) const = default;
};

// No blocks: the tensor was never written on this rank. Who reads it reads undefined rows; where
// rows are counted, as in a concatenation, it has none.
struct Held {
  std::vector<Block> blocks;

  bool operator==(const Held&) const = default;
  bool exists() const { return !blocks.empty(); }
  std::int64_t rows() const {
    return exists() ? static_cast<std::int64_t>(blocks.front().rows.size()) : 0;
  }
};

// Element by element. Rows and columns that an operand lacks are undefined there.
Held added(const std::vector<Held>& operands);
Held scaled(const Held& held, Rational factor);
Held reduced(const Plan& plan, const std::vector<Held>& members, Reduction reduction);
Held together(const Plan& plan, const std::vector<Held>& members);

// Rows [first, first + count); those outside are undefined.
Held rows_of(const Held& held, std::int64_t first, std::int64_t count);
// One below the other, in the columns of the first that exists.
Held below_each_other(const std::vector<Held>& parts);
Held beside_each_other(const std::vector<Held>& parts);
// The columns [first, last); those that are not held are undefined.
Held columns_of(const Held& held, std::int64_t first, std::int64_t last);
// As many columns, and `rows` rows.
Held undefined_like(const Held& held, std::int64_t rows);
// The destination of copy_rows: `onto` is what stood there before.
Held copied(const Held& from, const Held& onto, const RowMoves& moves, Fill fill,
            std::int64_t columns);

}  // namespace lockstep::test
