// The state of a tensor on one rank: runs of rows with their values, per block of columns.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "sim/base/ids.h"
#include "sim/contract/intern.h"
#include "sim/contract/value.h"
#include "sim/plan/plan.h"

namespace lockstep::contract {

// `count` consecutive rows; row i holds `value` at token + i. kZero and kUndefined have no token.
struct Run {
  std::int64_t token = kPadding;
  std::int64_t count = 0;
  ValueId value = kZero;
  bool operator==(const Run&) const = default;
};
std::uint64_t fold(std::uint64_t hash, const Run& run);

// An interned state; equal states have equal ids. none: the tensor does not exist on the rank.
using StateId = Id<struct StateTag>;

// The columns [first, last) of a tensor.
struct ColumnRange {
  std::int64_t first = 0;
  std::int64_t last = 0;
  bool operator==(const ColumnRange&) const = default;
};

// One block of columns: the rows it holds.
struct Block {
  ColumnRange columns;
  std::int32_t runs = -1;  // index of an interned run sequence
  bool operator==(const Block&) const = default;
};
std::uint64_t fold(std::uint64_t hash, const Block& block);

// All tensor states of one check. Runs are kept merged: neighbours that continue each other are
// one.
class StateTable {
 public:
  explicit StateTable(ValueTable& values) : values_(values) {}

  // A tensor with one block of columns (all but gathered logits have one).
  StateId make(ColumnRange columns, std::span<const Run> runs);
  std::span<const Block> blocks(StateId id) const { return blocks_.at(id.value); }
  std::span<const Run> runs(const Block& block) const { return runs_.at(block.runs); }
  // Rows of the first block; 0 for a tensor that does not exist.
  std::int64_t rows(StateId id) const;

  // Every value mapped; the rows stay.
  StateId map(StateId id, const std::function<ValueId(ValueId)>& change);
  // Element by element; a row that some addend lacks is undefined. `none` addends are undefined.
  StateId sum(std::span<const StateId> addends);
  // copy_rows: `from` and (for Fill::keep) `onto` may be none. Moves outside the source read
  // undefined rows; outside the destination they write nothing.
  StateId copy(StateId from, StateId onto, const RowMoves& moves, Fill fill, ColumnRange columns);
  StateId slice(StateId id, std::int64_t first_row, std::int64_t count);
  StateId concatenate_rows(std::span<const StateId> parts);
  StateId concatenate_columns(std::span<const StateId> parts);

 private:
  StateId intern(std::span<const Block> blocks) { return StateId{blocks_.intern(blocks)}; }
  std::int32_t intern_runs(const std::vector<Run>& runs) { return runs_.intern(runs); }
  // REQUIRES: all addends have the same number of rows. The result is in `total_`.
  void sum_runs();

  ValueTable& values_;
  SequenceInterner<Run> runs_;
  SequenceInterner<Block> blocks_;

  // Scratch of sum(), kept for its memory.
  struct Cursor {
    std::span<const Run> runs;
    std::size_t run = 0;
    std::int64_t used = 0;  // rows of that run
  };
  std::vector<Cursor> cursors_;
  std::vector<ValueTable::At> at_;
  std::vector<Run> total_;
  std::vector<std::vector<Run>> extended_;  // addends that lack rows, with those undefined
  std::vector<Block> result_;
  std::vector<Run> rows_;
};

// Appends to a merged run list: drops empty runs, joins runs that continue each other.
void append_run(std::vector<Run>& runs, Run run);
// Appends rows [first, first + count) of `source`; what lies outside is undefined.
void append_rows(std::vector<Run>& runs, std::span<const Run> source, std::int64_t first,
                 std::int64_t count);
std::int64_t row_count(std::span<const Run> runs);

}  // namespace lockstep::contract
