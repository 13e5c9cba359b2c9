#include "sim/contract/row_lemmas.h"

#include <algorithm>
#include <numeric>

namespace lockstep::contract {
namespace {

// The answer in `known`, or that of `prove`, remembered.
template <class Map, class Prove>
auto remembered(Map& known, const typename Map::key_type& key, Prove prove) {
  const auto found = known.find(key);
  return found != known.end() ? found->second : known.emplace(key, prove()).first->second;
}

}  // namespace

RowLemmas::RowLemmas(const Plan& plan, const Places& places)
    : plan_(plan), places_(places), indexed_(plan.layouts.size()) {}

// ---- row maps ---------------------------------------------------------------------------------

void RowLemmas::append(RowMap& map, RowRun run) {
  if (run.count == 0) return;
  if (!map.empty()) {
    RowRun& last = map.back();
    const bool continues = run.token == kPadding
                               ? last.token == kPadding
                               : last.token != kPadding && last.token + last.count == run.token;
    if (continues) {
      last.count += run.count;
      return;
    }
  }
  map.push_back(run);
}

// REQUIRES: the rows are in `source`.
void RowLemmas::append_rows(RowMap& map, const Indexed& source, std::int64_t first,
                            std::int64_t count) {
  const auto after = std::ranges::upper_bound(source.start, first);
  auto i = static_cast<std::size_t>(after - source.start.begin());
  for (i = i == 0 ? 0 : i - 1; count > 0 && i < source.runs.size(); ++i) {
    const RowRun& run = source.runs[i];
    const std::int64_t skip = first - source.start[i];
    const std::int64_t taken = std::min(run.count - skip, count);
    append(map, {run.token == kPadding ? kPadding : run.token + skip, taken});
    first += taken;
    count -= taken;
  }
}

const std::vector<RowLemmas::Indexed>& RowLemmas::indexed(LayoutId layout) {
  std::vector<Indexed>& maps = indexed_[layout.index()];
  if (!maps.empty()) return maps;
  for (const RowMap& map : plan_.layout(layout).rows.distinct) {
    Indexed& one = maps.emplace_back();
    for (const RowRun& run : map) append(one.runs, run);
    one.start.reserve(one.runs.size());
    for (const RowRun& run : one.runs) {
      one.start.push_back(one.rows);
      one.rows += run.count;
    }
  }
  return maps;
}

int RowLemmas::map_index(LayoutId layout, int rank) const {
  return plan_.layout(layout).rows.index_of_rank[static_cast<std::size_t>(rank)];
}

const RowLemmas::Indexed& RowLemmas::map_of(LayoutId layout, int rank) {
  return indexed(layout)[static_cast<std::size_t>(map_index(layout, rank))];
}

std::int64_t RowLemmas::row_count(LayoutId layout, int rank) { return map_of(layout, rank).rows; }

bool RowLemmas::has_tokens(LayoutId layout, int rank) {
  const RowMap& runs = map_of(layout, rank).runs;
  return runs.size() > 1 || (!runs.empty() && runs.front().token != kPadding);
}

bool RowLemmas::same(LayoutId a, LayoutId b) {
  if (a == b) return true;
  return remembered(same_, std::pair(a, b), [&] {
    if (plan_.layout(a).rows == plan_.layout(b).rows) return true;
    int last_a = -1;
    int last_b = -1;
    for (int rank = 0; rank < plan_.world; ++rank) {
      if (map_index(a, rank) == last_a && map_index(b, rank) == last_b) continue;
      if (map_of(a, rank).runs != map_of(b, rank).runs) return false;
      last_a = map_index(a, rank);
      last_b = map_index(b, rank);
    }
    return true;
  });
}

bool RowLemmas::same_in_parts(LayoutId layout, GroupId group) {
  return remembered(same_in_parts_, std::pair(layout, group), [&] {
    return std::ranges::all_of(plan_.group(group).parts, [&](const std::vector<int>& part) {
      return std::ranges::all_of(part, [&](int rank) {
        return map_index(layout, rank) == map_index(layout, part.front()) ||
               map_of(layout, rank).runs == map_of(layout, part.front()).runs;
      });
    });
  });
}

// ---- copies -----------------------------------------------------------------------------------

bool RowLemmas::ascending(const RowMoves& table) {
  std::int64_t next = 0;
  for (const Move& m : table.moves) {
    if (m.to < next || m.from < 0 || m.count <= 0) return false;
    next = m.to + m.count;
  }
  return next <= table.rows_out;
}

bool RowLemmas::copies_to(LayoutId in, MovesId moves, Fill fill, LayoutId out) {
  return remembered(copies_, std::tuple(in, moves, fill, out),
                    [&] { return compare_copies(in, moves, fill, out); });
}

bool RowLemmas::compare_copies(LayoutId in, MovesId moves, Fill fill, LayoutId out) {
  const PerRank<RowMoves>& tables = plan_.move_table(moves).of;
  RowMap made;
  for (int rank = 0; rank < plan_.world; ++rank) {
    const RowMoves& table = tables.at(rank);
    const Indexed& source = map_of(in, rank);
    if (!ascending(table)) return false;
    made.clear();
    std::int64_t next = 0;
    const auto fill_up_to = [&](std::int64_t row) {
      append(made, {kPadding, row - next});
      return row == next || fill == Fill::undefined;
    };
    for (const Move& m : table.moves) {
      if (m.from + m.count > source.rows || !fill_up_to(m.to)) return false;
      append_rows(made, source, m.from, m.count);
      next = m.to + m.count;
    }
    if (!fill_up_to(table.rows_out) || made != map_of(out, rank).runs) return false;
  }
  return true;
}

const Tiling* RowLemmas::tiling(LayoutId in, MovesId moves, GroupId group, LayoutId out) {
  return remembered(tilings_, std::tuple(in, moves, group, out), [&]() -> const Tiling* {
    std::optional<Tiling> made = tile(in, moves, group, out);
    return made ? &kept_tilings_.emplace_back(std::move(*made)) : nullptr;
  });
}

std::optional<Tiling> RowLemmas::tile(LayoutId in, MovesId moves, GroupId group, LayoutId out) {
  if (!same_in_parts(out, group)) return std::nullopt;
  Tiling made{group, std::vector<int>(static_cast<std::size_t>(plan_.world), -1), {}};
  const std::vector<std::vector<int>>& parts = plan_.group(group).parts;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    if (!tile_part(parts[i], in, moves, out, made, static_cast<int>(i))) return std::nullopt;
  }
  return made;
}

bool RowLemmas::tile_part(std::span<const int> part, LayoutId in, MovesId moves, LayoutId out,
                          Tiling& tiling, int part_index) {
  const PerRank<RowMoves>& tables = plan_.move_table(moves).of;
  struct Placed {
    Move move;
    int rank;
  };
  std::map<std::pair<int, int>, int> classes;  // by moves and rows of the source
  std::vector<Placed> placed;
  for (const int rank : part) {
    const auto r = static_cast<std::size_t>(rank);
    const RowMoves& table = tables.at(rank);
    const Indexed& source = map_of(in, rank);
    if (!ascending(table) || table.rows_out != map_of(out, rank).rows) return false;
    if (table.moves.empty()) continue;
    const auto next = static_cast<int>(tiling.part_of_class.size());
    const auto [known, is_new] =
        classes.try_emplace({tables.index_of_rank[r], map_index(in, rank)}, next);
    tiling.class_of_rank[r] = known->second;
    if (!is_new) continue;
    tiling.part_of_class.push_back(part_index);
    for (const Move& m : table.moves) {
      if (m.from + m.count > source.rows) return false;
      placed.push_back({m, rank});
    }
  }
  std::ranges::sort(placed, {}, [](const Placed& p) { return p.move.to; });
  RowMap made;
  std::int64_t next = 0;
  for (const Placed& p : placed) {
    if (p.move.to != next) return false;
    append_rows(made, map_of(in, p.rank), p.move.from, p.move.count);
    next += p.move.count;
  }
  return made == map_of(out, part.front()).runs;
}

// ---- cuts and joins ---------------------------------------------------------------------------

std::int64_t RowLemmas::chunk(const Operation& op, int rank, std::size_t index, std::int64_t rows,
                              LayoutId home) {
  if (op.kind == OpKind::reduce_scatterv) return plan_.size_table(op.sizes).sizes[index];
  if (op.kind == OpKind::combine) return row_count(home, rank);
  return rows / static_cast<std::int64_t>(places_.membership(op.group, rank).members->size());
}

bool RowLemmas::cuts_to(LayoutId total, const Operation& op, LayoutId out) {
  return remembered(cuts_, std::tuple(total, op.kind, op.group, op.sizes, out),
                    [&] { return compare_cuts(total, op, out); });
}

bool RowLemmas::compare_cuts(LayoutId total, const Operation& op, LayoutId out) {
  if (!same_in_parts(total, op.group)) return false;
  RowMap made;
  for (const std::vector<int>& part : plan_.group(op.group).parts) {
    const Indexed& all = map_of(total, part.front());
    std::int64_t first = 0;
    for (std::size_t i = 0; i < part.size(); ++i) {
      const std::int64_t rows = chunk(op, part[i], i, all.rows, out);
      if (first + rows > all.rows) return false;
      made.clear();
      append_rows(made, all, first, rows);
      if (made != map_of(out, part[i]).runs) return false;
      first += rows;
    }
  }
  return true;
}

bool RowLemmas::joins_to(LayoutId in, GroupId group, LayoutId out) {
  return remembered(joins_, std::tuple(in, group, out),
                    [&] { return compare_joins(in, group, out); });
}

bool RowLemmas::compare_joins(LayoutId in, GroupId group, LayoutId out) {
  if (!same_in_parts(out, group)) return false;
  RowMap made;
  for (const std::vector<int>& part : plan_.group(group).parts) {
    made.clear();
    for (const int rank : part) {
      for (const RowRun& run : map_of(in, rank).runs) append(made, run);
    }
    if (made != map_of(out, part.front()).runs) return false;
  }
  return true;
}

// ---- calls ------------------------------------------------------------------------------------

bool RowLemmas::accepts(const Operation& op, LayoutId in, MovesId moves) {
  return remembered(accepted_, std::tuple(op.kind, op.group, op.sizes, in, moves),
                    [&] { return check_calls(op, in, moves); });
}

// What execution_collective.cc refuses, for all parts at once.
bool RowLemmas::check_calls(const Operation& op, LayoutId in, MovesId moves) {
  const bool equal_rows = op.kind != OpKind::all_gatherv && op.kind != OpKind::dispatch;
  const bool scatters = op.kind == OpKind::reduce_scatterv;
  const bool sized = scatters || op.kind == OpKind::all_gatherv;
  const auto rows_of = [&](int rank) {
    return moves.exists() ? plan_.move_table(moves).of.at(rank).rows_out : row_count(in, rank);
  };
  std::int64_t all_sizes = 0;
  if (sized) {
    for (const std::int64_t size : plan_.size_table(op.sizes).sizes) all_sizes += size;
  }
  for (const std::vector<int>& part : plan_.group(op.group).parts) {
    if (sized && plan_.size_table(op.sizes).sizes.size() != part.size()) return false;
    const std::int64_t first = rows_of(part.front());
    const auto members = static_cast<std::int64_t>(part.size());
    if (op.kind == OpKind::reduce_scatter && first % members != 0) return false;
    if (scatters && all_sizes != first) return false;
    for (std::size_t i = 0; i < part.size(); ++i) {
      const std::int64_t rows = rows_of(part[i]);
      if (equal_rows && rows != first) return false;
      const bool gathers = op.kind == OpKind::all_gatherv;
      if (gathers && plan_.size_table(op.sizes).sizes[i] != rows) return false;
    }
  }
  return true;
}

}  // namespace lockstep::contract
