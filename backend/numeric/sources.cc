#include "backend/numeric/sources.h"

#include <algorithm>

namespace lockstep::numeric {

std::vector<std::int64_t> row_sources(const RowMoves& moves, Fill fill, std::int64_t source_rows,
                                      std::int64_t old_rows) {
  std::vector<std::int64_t> at(static_cast<std::size_t>(moves.rows_out),
                               fill == Fill::zero ? kZeroSource : kNoSource);
  std::fill_n(at.begin(), std::min(old_rows, moves.rows_out), kOldSource);
  for (const Move& move : moves.moves) {
    const std::int64_t first = std::clamp<std::int64_t>(-move.to, 0, move.count);
    const std::int64_t last = std::clamp<std::int64_t>(moves.rows_out - move.to, first, move.count);
    for (std::int64_t i = first; i < last; ++i) {
      const std::int64_t from = move.from + i;
      at[static_cast<std::size_t>(move.to + i)] =
          from >= 0 && from < source_rows ? from : kNoSource;
    }
  }
  return at;
}

std::vector<std::int64_t> column_sources(const std::vector<Interval>& columns, Interval slice) {
  std::vector<std::int64_t> from(static_cast<std::size_t>(slice.size()), kNoSource);
  std::int64_t at = 0;
  for (const Interval& c : columns) {
    const std::int64_t last = std::min(c.last, slice.last);
    for (std::int64_t i = std::max(c.first, slice.first); i < last; ++i) {
      std::int64_t& column = from[static_cast<std::size_t>(i - slice.first)];
      if (column == kNoSource) column = at + i - c.first;
    }
    at += c.size();
  }
  return from;
}

}  // namespace lockstep::numeric
