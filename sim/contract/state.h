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
inline std::uint64_t fold(std::uint64_t hash, StateId id) {
  return mix64(hash ^ static_cast<std::uint64_t>(id.value));
}

// The columns [first, last) of a tensor.
struct ColumnRange {
  std::int64_t first = 0;
  std::int64_t last = 0;
  bool operator==(const ColumnRange&) const = default;
};

// All tensor states of one check. A state is one block of columns (all but gathered logits are), or
// several blocks side by side, each a state of its own. Runs are kept merged: neighbours that
// continue each other are one.
class StateTable {
 public:
  // `values` must outlive the table. `expected`: about how many states will come.
  explicit StateTable(ValueTable& values, std::size_t expected = 0)
      : values_(values), runs_(expected) {}

  // A tensor with one block of columns.
  StateId make(ColumnRange columns, std::span<const Run> runs);

  std::size_t block_count(StateId id) const;
  StateId block(StateId id, std::size_t index) const;
  // REQUIRES of both: a state of one block. The span is valid until the next state is made.
  ColumnRange columns(StateId block) const;
  std::span<const Run> runs(StateId block) const { return runs_.at(block.value); }
  // Rows of the first block; 0 for a tensor that does not exist.
  std::int64_t rows(StateId id) const;
  // How many different states of one block have been made.
  std::size_t size() const { return runs_.size(); }

  // Every value mapped; the rows stay.
  StateId map(StateId id, const std::function<ValueId(ValueId)>& change);
  // Element by element; a row that some addend lacks is undefined. `none` addends are undefined.
  StateId sum(std::span<const StateId> addends, Joining joining = Joining::sum);
  // copy_rows: `from` and (for Fill::keep) `onto` may be none. Moves outside the source read
  // undefined rows; outside the destination they write nothing.
  StateId copy(StateId from, StateId onto, const RowMoves& moves, Fill fill, ColumnRange columns);
  StateId slice(StateId id, std::int64_t first_row, std::int64_t count);
  // Consecutive slices of `counts` rows each, from row 0 on: one pass over the rows.
  std::vector<StateId> slices(StateId id, std::span<const std::int64_t> counts);
  // Every row undefined, in the columns of `shape`.
  StateId undefined_like(StateId shape, std::int64_t rows);
  // Parts in other columns than the first are undefined.
  StateId concatenate_rows(std::span<const StateId> parts);
  // The columns `over`; those that the tensor lacks are undefined.
  StateId slice_columns(StateId id, ColumnRange over);
  // Slices without columns add nothing; where no part has any, the first that exists.
  StateId concatenate_columns(std::span<const StateId> parts);

 private:
  // States of several blocks have ids from here on.
  static constexpr std::int32_t kFirstJoined = 1 << 30;
  // Where one addend of a sum stands.
  struct Cursor {
    std::span<const Run> runs;
    std::size_t run = 0;
    std::int64_t used = 0;  // rows of that run
  };

  // `change(block, index)` applied to every block of `shape`, joined again.
  template <class Change>
  StateId per_block(StateId shape, Change change);
  StateId join(std::span<const StateId> blocks);
  // The block of `id` that lies over the same columns as block `index` of another state, or none.
  StateId block_like(StateId id, std::size_t index, ColumnRange columns) const;
  StateId sum_blocks(std::span<const StateId> addends, std::size_t index, ColumnRange columns,
                     std::int64_t rows);
  // Adds what `cursors_` point at, into `total_`. REQUIRES: all have the same number of rows.
  void sum_runs();
  // The same where addends are many and mostly zero: a sweep over the runs that are not.
  void sum_sweeping();

  ValueTable& values_;
  SequenceInterner<Run> runs_;  // tagged with the columns
  SequenceInterner<StateId> joined_;

  // Scratch, kept for its memory.
  Joining joining_ = Joining::sum;  // of the sum in hand
  std::vector<Cursor> cursors_;
  std::vector<ValueTable::At> at_;
  // A run of some addend that is not zero, and the row it begins at.
  struct Placed {
    std::int64_t row = 0;
    Run run;
  };
  std::vector<Placed> placed_;
  std::vector<Run> total_;
  std::vector<std::vector<Run>> extended_;  // addends that lack rows, with those undefined
  std::vector<Run> rows_;
  std::vector<Run> spliced_;
};

// Appends to a merged run list: drops empty runs, joins runs that continue each other.
void append_run(std::vector<Run>& runs, Run run);
// Appends rows [first, first + count) of `source`; what lies outside is undefined.
void append_rows(std::vector<Run>& runs, std::span<const Run> source, std::int64_t first,
                 std::int64_t count);
std::int64_t row_count(std::span<const Run> runs);

}  // namespace lockstep::contract
