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

std::uint64_t fold(std::uint64_t hash, const Block& block) {
  return mix64(hash ^ mix64(static_cast<std::uint64_t>(block.columns.first)) ^
               (static_cast<std::uint64_t>(block.columns.last) << 32) ^
               static_cast<std::uint64_t>(block.runs));
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
  }
  append_run(runs, {kPadding, count - done, kUndefined});
}

std::int64_t row_count(std::span<const Run> runs) {
  std::int64_t count = 0;
  for (const Run& run : runs) count += run.count;
  return count;
}

StateId StateTable::make(ColumnRange columns, std::span<const Run> runs) {
  const Block block{columns, runs_.intern(runs)};
  return intern({&block, 1});
}

std::int64_t StateTable::rows(StateId id) const {
  return id.exists() ? row_count(runs(blocks(id).front())) : 0;
}

StateId StateTable::map(StateId id, const std::function<ValueId(ValueId)>& change) {
  if (!id.exists()) return id;
  const auto view = blocks(id);
  std::vector<Block> mapped(view.begin(), view.end());
  for (Block& block : mapped) {
    std::vector<Run> changed;
    for (Run run : runs(block)) {
      run.value = change(run.value);
      append_run(changed, run);
    }
    block.runs = intern_runs(changed);
  }
  return intern(mapped);
}

void StateTable::sum_runs() {
  total_.clear();
  const std::int64_t rows = row_count(cursors_.front().runs);
  for (std::int64_t row = 0; row < rows;) {
    std::int64_t count = rows - row;
    at_.clear();
    for (const Cursor& c : cursors_) {
      const Run& run = c.runs[c.run];
      at_.push_back({run.value, has_token(run.value) ? run.token + c.used : kPadding});
      count = std::min(count, run.count - c.used);
    }
    const ValueTable::At sum = values_.sum(at_);
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

StateId StateTable::sum(std::span<const StateId> addends) {
  LOCKSTEP_ASSERT(!addends.empty());
  if (addends.size() == 1) return addends.front();
  std::int64_t rows = 0;
  StateId shape;
  for (const StateId id : addends) {
    rows = std::max(rows, this->rows(id));
    if (id.exists() && (!shape.exists() || blocks(shape).size() < blocks(id).size())) shape = id;
  }
  if (!shape.exists()) return shape;
  result_.assign(blocks(shape).begin(), blocks(shape).end());
  if (extended_.size() < addends.size()) extended_.resize(addends.size());
  for (std::size_t b = 0; b < result_.size(); ++b) {
    cursors_.clear();
    for (std::size_t i = 0; i < addends.size(); ++i) {
      const StateId id = addends[i];
      const bool comparable =
          id.exists() && b < blocks(id).size() && blocks(id)[b].columns == result_[b].columns;
      const std::span<const Run> own = comparable ? runs(blocks(id)[b]) : std::span<const Run>();
      if (row_count(own) == rows) {
        cursors_.push_back({own});
        continue;
      }
      extended_[i].clear();
      append_rows(extended_[i], own, 0, rows);
      cursors_.push_back({extended_[i]});
    }
    sum_runs();
    result_[b].runs = intern_runs(total_);
  }
  return intern(result_);
}

StateId StateTable::copy(StateId from, StateId onto, const RowMoves& moves, Fill fill,
                         ColumnRange columns) {
  const StateId shape = from.exists() ? from : onto;
  std::vector<Block> result;
  if (shape.exists()) {
    result.assign(blocks(shape).begin(), blocks(shape).end());
  } else {
    result.push_back({columns, -1});
  }
  for (std::size_t b = 0; b < result.size(); ++b) {
    std::vector<Run> rows;
    const bool keeps = fill == Fill::keep && onto.exists() && b < blocks(onto).size();
    const ValueId background = fill == Fill::zero ? kZero : kUndefined;
    if (keeps) {
      append_rows(rows, runs(blocks(onto)[b]), 0, moves.rows_out);
    } else {
      append_run(rows, {kPadding, moves.rows_out, background});
    }
    for (const Move& move : moves.moves) {
      const std::int64_t to = std::clamp<std::int64_t>(move.to, 0, moves.rows_out);
      const std::int64_t end = std::clamp<std::int64_t>(move.to + move.count, to, moves.rows_out);
      std::vector<Run> spliced;
      append_rows(spliced, rows, 0, to);
      if (from.exists()) {
        append_rows(spliced, runs(blocks(from)[b]), move.from + (to - move.to), end - to);
      } else {
        append_run(spliced, {kPadding, end - to, kUndefined});
      }
      append_rows(spliced, rows, end, moves.rows_out - end);
      rows.swap(spliced);
    }
    result[b].runs = intern_runs(rows);
  }
  return intern(result);
}

StateId StateTable::slice(StateId id, std::int64_t first_row, std::int64_t count) {
  if (!id.exists()) return id;
  result_.assign(blocks(id).begin(), blocks(id).end());
  for (Block& block : result_) {
    rows_.clear();
    append_rows(rows_, runs(block), first_row, count);
    block.runs = intern_runs(rows_);
  }
  return intern(result_);
}

StateId StateTable::concatenate_rows(std::span<const StateId> parts) {
  const auto first = std::ranges::find_if(parts, [](StateId id) { return id.exists(); });
  if (first == parts.end()) return StateId::none();
  std::vector<Block> result(blocks(*first).begin(), blocks(*first).end());
  for (std::size_t b = 0; b < result.size(); ++b) {
    std::vector<Run> rows;
    for (const StateId id : parts) {
      if (!id.exists() || b >= blocks(id).size()) continue;
      for (const Run& run : runs(blocks(id)[b])) append_run(rows, run);
    }
    result[b].runs = intern_runs(rows);
  }
  return intern(result);
}

StateId StateTable::concatenate_columns(std::span<const StateId> parts) {
  std::vector<Block> result;
  for (const StateId id : parts) {
    if (!id.exists()) continue;
    for (const Block& block : blocks(id)) {
      const bool continues = !result.empty() && result.back().runs == block.runs &&
                             result.back().columns.last == block.columns.first;
      if (continues) {
        result.back().columns.last = block.columns.last;
      } else {
        result.push_back(block);
      }
    }
  }
  return result.empty() ? StateId::none() : intern(result);
}

}  // namespace lockstep::contract
