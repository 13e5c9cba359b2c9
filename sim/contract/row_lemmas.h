// Facts about row tables alone: which copies, cuts and concatenations of one layout give another on
// every rank. Each is proved once per combination of table ids, in about one pass over the ranks,
// and looked up afterwards: no fact depends on a layer, a term or a value.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <span>
#include <tuple>
#include <utility>
#include <vector>

#include "sim/contract/pattern.h"
#include "sim/contract/places.h"
#include "sim/plan/plan.h"

namespace lockstep::contract {

class RowLemmas {
 public:
  // Both must outlive this object.
  RowLemmas(const Plan& plan, const Places& places);

  std::int64_t row_count(LayoutId layout, int rank);
  bool has_tokens(LayoutId layout, int rank);  // some row is not padding
  // Every rank holds the same rows in both.
  bool same(LayoutId a, LayoutId b);
  // The members of each part hold the same rows.
  bool same_in_parts(LayoutId layout, GroupId group);
  // copy_rows by `moves` makes `out` of `in`, with every row written or, under Fill::undefined,
  // padding.
  bool copies_to(LayoutId in, MovesId moves, Fill fill, LayoutId out);
  // The rows of `in` that the members of each part copy by `moves` tile `out`: each row is written
  // by the ranks of one class and no others. nullptr if not. Valid as long as this object.
  const Tiling* tiling(LayoutId in, MovesId moves, GroupId group, LayoutId out);
  // Cutting the rows of `total`, the same in a part, into the members' chunks gives `out`.
  bool cuts_to(LayoutId total, const Operation& op, LayoutId out);
  // The members' rows of `in`, one after the other, are the rows that each of them holds in `out`.
  bool joins_to(LayoutId in, GroupId group, LayoutId out);
  // The library accepts a call of `op` where each rank holds `in`, or what `moves` make of it.
  bool accepts(const Operation& op, LayoutId in, MovesId moves);
  // How many rows member `index` of a part gets of `rows` in all; `rank` is that member.
  std::int64_t chunk(const Operation& op, int rank, std::size_t index, std::int64_t rows,
                     LayoutId home);

 private:
  // A row map in merged form, with where each run begins.
  struct Indexed {
    RowMap runs;
    std::vector<std::int64_t> start;
    std::int64_t rows = 0;
  };
  const std::vector<Indexed>& indexed(LayoutId layout);
  const Indexed& map_of(LayoutId layout, int rank);
  int map_index(LayoutId layout, int rank) const;
  // True if the rank's moves write ascending, disjoint rows of the destination.
  static bool ascending(const RowMoves& table);
  static void append(RowMap& map, RowRun run);
  static void append_rows(RowMap& map, const Indexed& source, std::int64_t first,
                          std::int64_t count);

  bool compare_copies(LayoutId in, MovesId moves, Fill fill, LayoutId out);
  std::optional<Tiling> tile(LayoutId in, MovesId moves, GroupId group, LayoutId out);
  bool tile_part(std::span<const int> part, LayoutId in, MovesId moves, LayoutId out,
                 Tiling& tiling, int part_index);
  bool compare_cuts(LayoutId total, const Operation& op, LayoutId out);
  bool compare_joins(LayoutId in, GroupId group, LayoutId out);
  bool check_calls(const Operation& op, LayoutId in, MovesId moves);

  const Plan& plan_;
  const Places& places_;
  std::vector<std::vector<Indexed>> indexed_;  // by layout
  std::map<std::pair<LayoutId, LayoutId>, bool> same_;
  std::map<std::pair<LayoutId, GroupId>, bool> same_in_parts_;
  std::map<std::tuple<LayoutId, MovesId, Fill, LayoutId>, bool> copies_;
  std::map<std::tuple<LayoutId, MovesId, GroupId, LayoutId>, const Tiling*> tilings_;
  std::deque<Tiling> kept_tilings_;
  std::map<std::tuple<LayoutId, OpKind, GroupId, SizesId, LayoutId>, bool> cuts_;
  std::map<std::tuple<LayoutId, GroupId, LayoutId>, bool> joins_;
  std::map<std::tuple<OpKind, GroupId, SizesId, LayoutId, MovesId>, bool> accepted_;
};

}  // namespace lockstep::contract
