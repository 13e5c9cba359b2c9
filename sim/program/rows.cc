#include "sim/program/rows.h"

#include <algorithm>
#include <map>

namespace lockstep::program {
namespace {

// The chunk `index` of `count` of `rows` rows, as first row and number.
struct Chunk {
  std::int64_t first = 0;
  std::int64_t count = 0;
};
Chunk chunk_of(std::int64_t rows, int index, int count) {
  const std::int64_t each = rows / count;
  const std::int64_t larger = rows % count;
  const std::int64_t first = each * index + std::min<std::int64_t>(index, larger);
  return {first, each + (index < larger ? 1 : 0)};
}

}  // namespace

void append(RowMap& map, RowRun run) {
  if (run.count <= 0) return;
  if (!map.empty()) {
    RowRun& last = map.back();
    const bool padding = last.token == kPadding && run.token == kPadding;
    const bool goes_on =
        last.token != kPadding && run.token != kPadding && last.token + last.count == run.token;
    if (padding || goes_on) {
      last.count += run.count;
      return;
    }
  }
  map.push_back(run);
}

RowMap slice(const RowMap& map, std::int64_t first, std::int64_t count) {
  RowMap part;
  std::int64_t row = 0;
  for (const RowRun& run : map) {
    const std::int64_t from = std::clamp(first - row, std::int64_t{0}, run.count);
    const std::int64_t until = std::clamp(first + count - row, from, run.count);
    append(part, {run.token == kPadding ? kPadding : run.token + from, until - from});
    row += run.count;
  }
  return part;
}

Rows gathered(const Rows& rows, const Group& group) {
  Rows all(rows.size());
  for (const std::vector<int>& part : group.parts) {
    RowMap joined;
    for (const int member : part) {
      for (const RowRun& run : rows[static_cast<std::size_t>(member)]) append(joined, run);
    }
    for (const int member : part) all[static_cast<std::size_t>(member)] = joined;
  }
  return all;
}

RowMap padded(RowMap map, std::int64_t count) {
  append(map, {kPadding, count - row_count(map)});
  return map;
}

RowMap part_of(const RowMap& map, int index, int count, Order order) {
  const std::int64_t rows = row_count(map);
  if (order == Order::contiguous) {
    const Chunk chunk = chunk_of(rows, index, count);
    return slice(map, chunk.first, chunk.count);
  }
  RowMap part;
  const auto take = [&](Chunk chunk) {
    for (const RowRun& run : slice(map, chunk.first, chunk.count)) append(part, run);
  };
  if (order == Order::zigzag) {
    take(chunk_of(rows, index, 2 * count));
    take(chunk_of(rows, 2 * count - 1 - index, 2 * count));
  } else {
    for (std::int64_t row = index; row < rows; row += count) take({row, 1});
  }
  return part;
}

RowMoves moves_between(const RowMap& from, const RowMap& to) {
  struct Source {
    std::int64_t row = 0;
    std::int64_t count = 0;
  };
  std::map<std::int64_t, Source> by_token;  // first token of a run; the first row of a token counts
  std::int64_t row = 0;
  for (const RowRun& run : from) {
    if (run.token != kPadding) by_token.try_emplace(run.token, Source{row, run.count});
    row += run.count;
  }
  RowMoves moves;
  const auto add = [&moves](Move move) {
    if (!moves.moves.empty()) {
      Move& last = moves.moves.back();
      if (last.from + last.count == move.from && last.to + last.count == move.to) {
        last.count += move.count;
        return;
      }
    }
    moves.moves.push_back(move);
  };
  for (const RowRun& want : to) {
    for (std::int64_t done = 0; want.token != kPadding && done < want.count;) {
      const std::int64_t token = want.token + done;
      auto next = by_token.upper_bound(token);
      const bool found = next != by_token.begin() &&
                         token < std::prev(next)->first + std::prev(next)->second.count;
      const std::int64_t last = next == by_token.end() ? want.token + want.count : next->first;
      std::int64_t count = std::min(want.count - done, last - token);
      if (found) {
        const auto& [first, source] = *std::prev(next);
        count = std::min(count, first + source.count - token);
        add({source.row + token - first, moves.rows_out + done, count});
      }
      done += count;
    }
    moves.rows_out += want.count;
  }
  return moves;
}

}  // namespace lockstep::program
