#include "sim/contract/state.h"

#include <algorithm>

#include "sim/base/require.h"

namespace lockstep::contract {
namespace {

bool has_token(ValueId value) { return value != kZero && value != kUndefined; }

// Rows [offset, offset + count) of one run.
Run part_of(const Run& run, std::int64_t offset, std::int64_t count) {
  return {has_token(run.value) ? run.token + offset : kPadding, count, run.value};
}

}  // namespace

std::uint64_t fold(std::uint64_t hash, const Run& run) {
  return mix64(hash ^ mix64(static_cast<std::uint64_t>(run.token)) ^
               (static_cast<std::uint64_t>(run.count) << 32) ^
               static_cast<std::uint64_t>(run.value.value));
}

void append_run(std::vector<Run>& runs, Run run) {
  if (run.count == 0) return;
  if (!has_token(run.value)) run.token = kPadding;
  if (!runs.empty() && runs.back().value == run.value) {
    Run& last = runs.back();
    if (!has_token(run.value) || last.token + last.count == run.token) {
      last.count += run.count;
      return;
    }
  }
  runs.push_back(run);
}

void append_rows(std::vector<Run>& runs, std::span<const Run> source, std::int64_t first,
                 std::int64_t count) {
  std::int64_t done = 0;
  if (first < 0) {
    done = std::min(count, -first);
    append_run(runs, {kPadding, done, kUndefined});
  }
  std::int64_t start = 0;
  for (const Run& run : source) {
    const std::int64_t from = std::max(first + done, start);
    const std::int64_t until = std::min(first + count, start + run.count);
    if (from < until) {
      append_run(runs, part_of(run, from - start, until - from));
      done = until - first;
    }
    start += run.count;
    if (start >= first + count) break;
  }
  append_run(runs, {kPadding, count - done, kUndefined});
}

std::int64_t row_count(std::span<const Run> runs) {
  std::int64_t count = 0;
  for (const Run& run : runs) count += run.count;
  return count;
}

StateId StateTable::make(ColumnRange columns, std::span<const Run> runs) {
  const auto tag =
      (static_cast<std::uint64_t>(columns.first) << 32) | static_cast<std::uint64_t>(columns.last);
  return StateId{runs_.intern(runs, tag)};
}

ColumnRange StateTable::columns(StateId block) const {
  const std::uint64_t tag = runs_.tag(block.value);
  return {static_cast<std::int64_t>(tag >> 32), static_cast<std::int64_t>(tag & 0xFFFFFFFFU)};
}

std::size_t StateTable::block_count(StateId id) const {
  return id.value < kFirstJoined ? 1 : joined_.at(id.value - kFirstJoined).size();
}

StateId StateTable::block(StateId id, std::size_t index) const {
  return id.value < kFirstJoined ? id : joined_.at(id.value - kFirstJoined)[index];
}

StateId StateTable::join(std::span<const StateId> blocks) {
  if (blocks.size() == 1) return blocks.front();
  return StateId{kFirstJoined + joined_.intern(blocks)};
}

template <class Change>
StateId StateTable::per_block(StateId shape, Change change) {
  const std::size_t count = block_count(shape);
  if (count == 1) return change(shape, 0);
  std::vector<StateId> changed;
  for (std::size_t i = 0; i < count; ++i) changed.push_back(change(block(shape, i), i));
  return join(changed);
}

std::int64_t StateTable::rows(StateId id) const {
  return id.exists() ? row_count(runs(block(id, 0))) : 0;
}

StateId StateTable::map(StateId id, const std::function<ValueId(ValueId)>& change) {
  if (!id.exists()) return id;
  return per_block(id, [&](StateId block, std::size_t) {
    rows_.clear();
    for (Run run : runs(block)) {
      run.value = change(run.value);
      append_run(rows_, run);
    }
    return make(columns(block), rows_);
  });
}

void StateTable::sum_sweeping() {
  placed_.clear();
  const std::int64_t rows = row_count(cursors_.front().runs);
  std::vector<std::int64_t> cuts{0, rows};
  for (const Cursor& c : cursors_) {
    std::int64_t row = 0;
    for (const Run& run : c.runs) {
      if (run.value != kZero) {
        placed_.push_back({row, run});
        cuts.push_back(row);
        cuts.push_back(row + run.count);
      }
      row += run.count;
    }
  }
  std::ranges::sort(cuts);
  cuts.erase(std::unique(cuts.begin(), cuts.end()), cuts.end());
  std::ranges::stable_sort(placed_, {}, &Placed::row);
  std::vector<const Placed*> over;  // the rows in hand
  std::size_t next = 0;
  for (std::size_t i = 0; i + 1 < cuts.size(); ++i) {
    std::erase_if(over, [&](const Placed* p) { return p->row + p->run.count <= cuts[i]; });
    for (; next < placed_.size() && placed_[next].row <= cuts[i]; ++next) {
      over.push_back(&placed_[next]);
    }
    at_.clear();
    for (const Placed* p : over) {
      const bool token = has_token(p->run.value);
      at_.push_back({p->run.value, token ? p->run.token + (cuts[i] - p->row) : kPadding});
    }
    const ValueTable::At sum = values_.sum(at_, joining_);
    append_run(total_, {sum.token, cuts[i + 1] - cuts[i], sum.value});
  }
}

void StateTable::sum_runs() {
  constexpr std::size_t kFew = 16;
  total_.clear();
  const bool skips_zeros = joining_ == Joining::sum || joining_ == Joining::shares;
  if (cursors_.size() > kFew && skips_zeros) return sum_sweeping();
  const std::int64_t rows = row_count(cursors_.front().runs);
  for (std::int64_t row = 0; row < rows;) {
    std::int64_t count = rows - row;
    at_.clear();
    for (const Cursor& c : cursors_) {
      const Run& run = c.runs[c.run];
      at_.push_back({run.value, has_token(run.value) ? run.token + c.used : kPadding});
      count = std::min(count, run.count - c.used);
    }
    const ValueTable::At sum = values_.sum(at_, joining_);
    append_run(total_, {sum.token, count, sum.value});
    for (Cursor& c : cursors_) {
      c.used += count;
      if (c.used == c.runs[c.run].count) {
        ++c.run;
        c.used = 0;
      }
    }
    row += count;
  }
}

StateId StateTable::block_like(StateId id, std::size_t index, ColumnRange columns) const {
  if (!id.exists() || index >= block_count(id)) return StateId::none();
  const StateId found = block(id, index);
  return this->columns(found) == columns ? found : StateId::none();
}

StateId StateTable::sum_blocks(std::span<const StateId> addends, std::size_t index,
                               ColumnRange columns, std::int64_t rows) {
  cursors_.clear();
  if (extended_.size() < addends.size()) extended_.resize(addends.size());
  for (std::size_t i = 0; i < addends.size(); ++i) {
    const StateId block = block_like(addends[i], index, columns);
    const std::span<const Run> own = block.exists() ? runs(block) : std::span<const Run>();
    if (row_count(own) == rows) {
      cursors_.push_back({own});
      continue;
    }
    extended_[i].clear();
    append_rows(extended_[i], own, 0, rows);
    cursors_.push_back({extended_[i]});
  }
  sum_runs();
  return make(columns, total_);
}

StateId StateTable::sum(std::span<const StateId> addends, Joining joining) {
  LOCKSTEP_ASSERT(!addends.empty());
  if (addends.size() == 1) return addends.front();
  joining_ = joining;
  std::int64_t rows = 0;
  StateId shape;
  for (const StateId id : addends) {
    rows = std::max(rows, this->rows(id));
    if (id.exists() && (!shape.exists() || block_count(shape) < block_count(id))) shape = id;
  }
  if (!shape.exists()) return shape;
  return per_block(shape, [&](StateId block, std::size_t index) {
    return sum_blocks(addends, index, columns(block), rows);
  });
}

namespace {

// Overwrites rows [move.to, move.to + move.count) of `rows` with those of `source`.
void splice(std::vector<Run>& rows, std::span<const Run> source, const Move& move,
            std::int64_t rows_out, std::vector<Run>& scratch) {
  const std::int64_t to = std::clamp<std::int64_t>(move.to, 0, rows_out);
  const std::int64_t end = std::clamp<std::int64_t>(move.to + move.count, to, rows_out);
  scratch.clear();
  append_rows(scratch, rows, 0, to);
  append_rows(scratch, source, move.from + (to - move.to), end - to);
  append_rows(scratch, rows, end, rows_out - end);
  rows.swap(scratch);
}

}  // namespace

StateId StateTable::copy(StateId from, StateId onto, const RowMoves& moves, Fill fill,
                         ColumnRange columns) {
  const auto copied = [&](StateId source, StateId background, ColumnRange over) {
    rows_.clear();
    if (fill == Fill::keep && background.exists()) {
      append_rows(rows_, runs(background), 0, moves.rows_out);
    } else {
      append_run(rows_, {kPadding, moves.rows_out, fill == Fill::zero ? kZero : kUndefined});
    }
    const std::span<const Run> rows = source.exists() ? runs(source) : std::span<const Run>();
    for (const Move& move : moves.moves) splice(rows_, rows, move, moves.rows_out, spliced_);
    return make(over, rows_);
  };
  const StateId shape = from.exists() ? from : onto;
  if (!shape.exists()) return copied(from, onto, columns);
  return per_block(shape, [&](StateId block, std::size_t index) {
    const ColumnRange over = this->columns(block);
    return copied(block_like(from, index, over), block_like(onto, index, over), over);
  });
}

StateId StateTable::slice(StateId id, std::int64_t first_row, std::int64_t count) {
  if (!id.exists()) return id;
  return per_block(id, [&](StateId block, std::size_t) {
    rows_.clear();
    append_rows(rows_, runs(block), first_row, count);
    return make(columns(block), rows_);
  });
}

std::vector<StateId> StateTable::slices(StateId id, std::span<const std::int64_t> counts) {
  std::vector<std::vector<StateId>> blocks(counts.size());
  for (std::size_t b = 0; id.exists() && b < block_count(id); ++b) {
    const StateId source = block(id, b);
    std::size_t run = 0;
    std::int64_t used = 0;
    for (std::size_t i = 0; i < counts.size(); ++i) {
      rows_.clear();
      std::int64_t left = counts[i];
      for (const std::span<const Run> all = runs(source); left > 0 && run < all.size();) {
        const std::int64_t taken = std::min(left, all[run].count - used);
        append_run(rows_, part_of(all[run], used, taken));
        left -= taken;
        used += taken;
        if (used < all[run].count) continue;
        ++run;
        used = 0;
      }
      append_run(rows_, {kPadding, left, kUndefined});
      blocks[i].push_back(make(columns(source), rows_));
    }
  }
  std::vector<StateId> slices;
  for (const std::vector<StateId>& one : blocks) {
    slices.push_back(one.empty() ? StateId::none() : join(one));
  }
  return slices;
}

StateId StateTable::undefined_like(StateId shape, std::int64_t rows) {
  return per_block(shape, [&](StateId block, std::size_t) {
    rows_.clear();
    append_run(rows_, {kPadding, rows, kUndefined});
    return make(columns(block), rows_);
  });
}

StateId StateTable::concatenate_rows(std::span<const StateId> parts) {
  const auto shape = std::ranges::find_if(parts, [](StateId id) { return id.exists(); });
  if (shape == parts.end()) return StateId::none();
  return per_block(*shape, [&](StateId block, std::size_t index) {
    const ColumnRange over = columns(block);
    rows_.clear();
    for (const StateId id : parts) {
      const StateId part = block_like(id, index, over);
      if (!part.exists()) {
        append_run(rows_, {kPadding, rows(id), kUndefined});
        continue;
      }
      for (const Run& run : runs(part)) append_run(rows_, run);
    }
    return make(over, rows_);
  });
}

StateId StateTable::slice_columns(StateId id, ColumnRange over) {
  if (!id.exists()) return id;
  std::vector<StateId> blocks;
  std::int64_t next = over.first;
  const auto undefined_up_to = [&](std::int64_t column) {
    if (column <= next) return;
    rows_.clear();
    append_run(rows_, {kPadding, rows(id), kUndefined});
    blocks.push_back(make({next, column}, rows_));
    next = column;
  };
  for (std::size_t i = 0; i < block_count(id); ++i) {
    const StateId from = block(id, i);
    const ColumnRange held = columns(from);
    const std::int64_t last = std::min(held.last, over.last);
    if (std::max(held.first, next) >= last) continue;
    undefined_up_to(held.first);
    rows_.assign(runs(from).begin(), runs(from).end());
    blocks.push_back(make({next, last}, rows_));
    next = last;
  }
  undefined_up_to(over.last);
  if (!blocks.empty()) return join(blocks);
  rows_.assign(runs(block(id, 0)).begin(), runs(block(id, 0)).end());
  return make(over, rows_);  // no column at all
}

StateId StateTable::concatenate_columns(std::span<const StateId> parts) {
  std::vector<StateId> blocks;
  StateId last;  // the block in hand, which grows while the next one continues it
  ColumnRange over;
  const auto finish = [&] {
    if (!last.exists()) return;
    if (over == columns(last)) return blocks.push_back(last);
    rows_.assign(runs(last).begin(), runs(last).end());
    blocks.push_back(make(over, rows_));
  };
  for (const StateId id : parts) {
    for (std::size_t i = 0; id.exists() && i < block_count(id); ++i) {
      const StateId next = block(id, i);
      if (columns(next).first == columns(next).last) continue;
      const bool continues = last.exists() && over.last == columns(next).first &&
                             std::ranges::equal(runs(last), runs(next));
      if (continues) {
        over.last = columns(next).last;
        continue;
      }
      finish();
      last = next;
      over = columns(next);
    }
  }
  finish();
  if (!blocks.empty()) return join(blocks);
  const auto some = std::ranges::find_if(parts, [](StateId id) { return id.exists(); });
  return some == parts.end() ? StateId::none() : *some;
}

}  // namespace lockstep::contract
