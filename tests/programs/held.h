// What a tensor holds on one rank, written out: every column block, every row, every share of every
// term. Nothing is shared, merged or interned; it is made to be read, and to be right.
#pragma once

#include <compare>
#include <cstdint>
#include <map>
#include <set>
#include <vector>

#include "sim/base/rational.h"
#include "sim/plan/plan.h"

namespace lockstep::test {

// One share of a term at a token's row. The term is no handle: handles are expanded to their parts.
struct Share {
  TermId term;
  int share = 0;
  std::int64_t token = 0;
  auto operator<=>(const Share&) const = default;
};

// A row: undefined, or how often each share is there (never 0 times). `broken`: terms of which
// something is there that is no multiple of shares, such as the maximum of two addends.
struct Cell {
  bool defined = true;
  std::map<Share, Rational> sum;
  std::set<TermId> broken;
  bool operator==(const Cell&) const = default;
};
Cell undefined_cell();

struct Block {
  std::int64_t first = 0;  // columns [first, last)
  std::int64_t last = 0;
  std::vector<Cell> rows;  // as many as in every other block of the tensor
};

// No blocks: the tensor was never written on this rank. Who reads it reads undefined rows; where
// rows are counted, as in a concatenation, it has none.
struct Held {
  std::vector<Block> blocks;

  bool exists() const { return !blocks.empty(); }
  std::int64_t rows() const {
    return exists() ? static_cast<std::int64_t>(blocks.front().rows.size()) : 0;
  }
};

// The shares of `term` at `token`, each `coefficient` times more than before. A handle adds those
// of its parts.
void add_shares(const Plan& plan, TermId term, ShareRange shares, std::int64_t token,
                Rational coefficient, Cell& cell);
// Every share of every term once.
Cell complete_cell(const Plan& plan, const std::vector<TermId>& terms, std::int64_t token);

// Element by element. Rows and columns that an operand lacks are undefined there.
Held added(const Plan& plan, const Held& left, const Held& right);
Held scaled(const Held& held, Rational factor);
// The reduction of one operand per member, as docs/contract.md defines it.
Held reduced(const Plan& plan, const std::vector<Held>& members, Reduction reduction);
// What the members of a partial value hold together: each term combined as its shares are.
Held together(const Plan& plan, const std::vector<Held>& members);

// Rows [first, first + count); those outside are undefined.
Held rows_of(const Held& held, std::int64_t first, std::int64_t count);
// One below the other, in the columns of the first that exists.
Held below_each_other(const std::vector<Held>& parts);
Held beside_each_other(const std::vector<Held>& parts);
// Those of the columns [first, last) that are held.
Held columns_of(const Held& held, std::int64_t first, std::int64_t last);
Held undefined_like(const Held& held);
// The destination of copy_rows: `onto` is what stood there before.
Held copied(const Held& from, const Held& onto, const RowMoves& moves, Fill fill,
            std::int64_t columns);

}  // namespace lockstep::test
