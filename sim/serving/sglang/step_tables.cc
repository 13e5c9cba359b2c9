#include "sim/serving/sglang/step_tables.h"

#include <algorithm>
#include <utility>

namespace lockstep::sglang {
namespace {

void append_rows(RowMap& map, RowRun run) {
  if (run.count == 0) return;
  const bool both_padding = !map.empty() && map.back().token == kPadding && run.token == kPadding;
  const bool consecutive = !map.empty() && map.back().token != kPadding &&
                           run.token == map.back().token + map.back().count;
  if (both_padding || consecutive) {
    map.back().count += run.count;
  } else {
    map.push_back(run);
  }
}

void append_rows(RowMap& map, const RowMap& more) {
  for (const RowRun& run : more) append_rows(map, run);
}

// Rows [first, first + count) of `map`.
RowMap cut(const RowMap& map, std::int64_t first, std::int64_t count) {
  RowMap piece;
  std::int64_t start = 0;
  for (const RowRun& run : map) {
    const std::int64_t from = std::max(first, start);
    const std::int64_t end = std::min(first + count, start + run.count);
    if (from < end) {
      const std::int64_t token = run.token == kPadding ? kPadding : run.token + (from - start);
      append_rows(piece, {token, end - from});
    }
    start += run.count;
  }
  return piece;
}

RowMoves one_move(std::int64_t rows_out, Move move) {
  RowMoves moves{rows_out, {}};
  if (move.count > 0) moves.moves.push_back(move);
  return moves;
}

RowMap wanted_logits(const ShardBatch& shard, std::int64_t token) {
  RowMap rows;
  for (const RequestSpec& request : shard.requests) {
    const std::int64_t wanted = shard.mode == ForwardMode::decode ? request.tokens : 1;
    append_rows(rows, {token + request.tokens - wanted, wanted});
    token += request.tokens;
  }
  return rows;
}

}  // namespace

StepTables::StepTables(PlanBuilder& builder, const Parallel& parallel,
                       const std::vector<ShardBatch>& shards, std::vector<int> rows,
                       std::int64_t first_token, std::string prefix)
    : builder_(builder),
      parallel_(parallel),
      shards_(shards),
      rows_(rows.begin(), rows.end()),
      prefix_(std::move(prefix)) {
  std::int64_t offset = 0;
  std::int64_t logits_offset = 0;
  for (std::size_t d = 0; d < shards.size(); ++d) {
    const std::int64_t tokens = shards[d].tokens();
    RowMap own;
    append_rows(own, {first_token, tokens});
    append_rows(own, {kPadding, rows_[d] - tokens});
    own_rows_.push_back(std::move(own));
    logits_rows_.push_back(wanted_logits(shards[d], first_token));
    first_token_.push_back(first_token);
    offset_.push_back(offset);
    logits_offset_.push_back(logits_offset);
    first_token += tokens;
    offset += rows_[d];
    logits_offset += row_count(logits_rows_.back());
  }
  offset_.push_back(offset);
  logits_offset_.push_back(logits_offset);
}

std::vector<Request> StepTables::requests() const {
  std::vector<Request> requests;
  for (std::size_t d = 0; d < shards_.size(); ++d) {
    std::int64_t token = first_token_[d];
    int index = 0;
    for (const RequestSpec& r : shards_[d].requests) {
      requests.push_back({static_cast<int>(d), index++, token, r.tokens, r.prefix});
      token += r.tokens;
    }
  }
  return requests;
}

StepTables::Span StepTables::slice_of(int rank) const {
  const auto d = static_cast<std::size_t>(parallel_.attn_dp_rank(rank));
  const std::int64_t index = parallel_.attn_tp_rank(rank);
  const std::int64_t first = rows_[d] * index / parallel_.attn_tp;
  return {first, rows_[d] * (index + 1) / parallel_.attn_tp - first};
}

template <class RowsOf>
LayoutId StepTables::layout(const std::string& name, RowsOf rows_of) {
  LayoutId& id = layouts_[name];
  if (id.exists()) return id;
  std::vector<RowMap> per_rank;
  for (int rank = 0; rank < parallel_.world(); ++rank) per_rank.push_back(rows_of(rank));
  return id = builder_.layout(prefix_ + name, std::move(per_rank));
}

// Copied to no rank: the rows of all shards are as many as the ranks.
LayoutId StepTables::layout_of_all_ranks(const std::string& name, RowMap rows) {
  LayoutId& id = layouts_[name];
  if (!id.exists()) id = builder_.layout(prefix_ + name, std::move(rows));
  return id;
}

template <class MovesOf>
MovesId StepTables::moves(const std::string& name, MovesOf moves_of) {
  MovesId& id = moves_[name];
  if (id.exists()) return id;
  std::vector<RowMoves> per_rank;
  for (int rank = 0; rank < parallel_.world(); ++rank) {
    per_rank.push_back(moves_of(rank, static_cast<std::size_t>(parallel_.attn_dp_rank(rank))));
  }
  return id = builder_.moves(prefix_ + name, std::move(per_rank));
}

RowMap StepTables::rows_of_all() const {
  RowMap rows;
  for (const RowMap& own : own_rows_) append_rows(rows, own);
  return rows;
}

LayoutId StepTables::own() {
  return layout("own", [&](int rank) {
    return own_rows_[static_cast<std::size_t>(parallel_.attn_dp_rank(rank))];
  });
}

LayoutId StepTables::slice() {
  if (parallel_.attn_tp == 1) return own();
  return layout("slice", [&](int rank) {
    const Span s = slice_of(rank);
    const auto d = static_cast<std::size_t>(parallel_.attn_dp_rank(rank));
    return cut(own_rows_[d], s.first, s.count);
  });
}

LayoutId StepTables::all() {
  if (parallel_.attn_dp == 1) return own();
  if (layouts_.contains("all")) return layouts_["all"];
  return layout_of_all_ranks("all", rows_of_all());
}

// The slices tile the shards in rank order.
LayoutId StepTables::dispatched() {
  if (layouts_.contains("dispatched")) return layouts_["dispatched"];
  return layout_of_all_ranks("dispatched", rows_of_all());
}

LayoutId StepTables::logits_own() {
  return layout("logits_own", [&](int rank) {
    return logits_rows_[static_cast<std::size_t>(parallel_.attn_dp_rank(rank))];
  });
}

LayoutId StepTables::logits_all() {
  RowMap rows;
  for (const RowMap& wanted : logits_rows_) append_rows(rows, wanted);
  return layout_of_all_ranks("logits_all", std::move(rows));
}

MovesId StepTables::own_to_all() {
  return moves("own_to_all", [&](int, std::size_t d) {
    return one_move(offset_.back(), {0, offset_[d], rows_[d]});
  });
}

MovesId StepTables::all_to_own() {
  return moves("all_to_own", [&](int, std::size_t d) {
    return one_move(rows_[d], {offset_[d], 0, rows_[d]});
  });
}

MovesId StepTables::own_to_slice() {
  return moves("own_to_slice", [&](int rank, std::size_t) {
    const Span s = slice_of(rank);
    return one_move(s.count, {s.first, 0, s.count});
  });
}

MovesId StepTables::own_to_logits() {
  return moves("own_to_logits", [&](int, std::size_t d) {
    RowMoves pruned;
    for (const RowRun& run : logits_rows_[d]) {
      pruned.moves.push_back({run.token - first_token_[d], pruned.rows_out, run.count});
      pruned.rows_out += run.count;
    }
    return pruned;
  });
}

MovesId StepTables::logits_to_all() {
  return moves("logits_to_all", [&](int rank, std::size_t d) {
    const bool contributes = parallel_.attn_tp_rank(rank) == 0;
    const std::int64_t count = contributes ? row_count(logits_rows_[d]) : 0;
    return one_move(logits_offset_.back(), {0, logits_offset_[d], count});
  });
}

MovesId StepTables::logits_to_own() {
  return moves("logits_to_own", [&](int, std::size_t d) {
    const std::int64_t count = row_count(logits_rows_[d]);
    return one_move(count, {logits_offset_[d], 0, count});
  });
}

PlacementId StepTables::first_of_attn_tp() {
  if (first_of_attn_tp_.exists()) return first_of_attn_tp_;
  std::vector<std::vector<ShareRange>> per_rank;
  for (int rank = 0; rank < parallel_.world(); ++rank) {
    const bool first = parallel_.attn_tp_rank(rank) == 0;
    per_rank.push_back(first ? std::vector<ShareRange>{{0, 1}} : std::vector<ShareRange>{});
  }
  return first_of_attn_tp_ = builder_.placement(prefix_ + "first_of_attn_tp", std::move(per_rank));
}

SizesId StepTables::rows_per_shard() {
  if (!sizes_.exists()) sizes_ = builder_.sizes(prefix_ + "rows_per_shard", rows_);
  return sizes_;
}

}  // namespace lockstep::sglang
