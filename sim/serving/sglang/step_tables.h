// The rows of one step: who holds which tokens, and the tables that copies and collectives take.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "sim/parallel/batch.h"
#include "sim/plan/builder.h"

namespace lockstep::sglang {

// Tables are made when first asked for, so that a plan has only those it uses.
//
//   own         rows of the rank's shard: its tokens, then padding
//   slice       1/attn_tp of own; is own where attn_tp is 1
//   all         the rows of every shard, in shard order
//   dispatched  the slices of all ranks, in rank order
//   logits_own  the rows of the shard whose logits are wanted: the last token of each extended
//               request, every decoded token
//   logits_all  those of every shard
class StepTables {
 public:
  // Token ids start at `first_token`, in the order of shards and requests. `rows[d]` are the rows
  // of shard d, at least its tokens. `builder`, `parallel` and `shards` outlive this object.
  StepTables(PlanBuilder& builder, const Parallel& parallel, const std::vector<ShardBatch>& shards,
             std::vector<int> rows, std::int64_t first_token, std::string prefix);

  // Every request of the step, with the ids of its tokens.
  std::vector<Request> requests() const;

  LayoutId own();
  LayoutId slice();
  LayoutId all();
  LayoutId dispatched();
  LayoutId logits_own();
  LayoutId logits_all();

  MovesId own_to_all();
  MovesId all_to_own();
  MovesId own_to_slice();
  MovesId own_to_logits();
  MovesId logits_to_all();  // on attn_tp_rank 0 only: the replicas must not be summed
  MovesId logits_to_own();

  PlacementId first_of_attn_tp();  // one share, of the first rank of each ATTN_TP group

  SizesId rows_per_shard();  // as SGLang passes it to reduce_scatterv: one entry per shard

 private:
  struct Span {
    std::int64_t first = 0;
    std::int64_t count = 0;
  };
  Span slice_of(int rank) const;
  template <class RowsOf>
  LayoutId layout(const std::string& name, RowsOf rows_of);
  template <class MovesOf>
  MovesId moves(const std::string& name, MovesOf moves_of);
  LayoutId layout_of_all_ranks(const std::string& name, RowMap rows);
  RowMap rows_of_all() const;

  PlanBuilder& builder_;
  const Parallel& parallel_;
  const std::vector<ShardBatch>& shards_;
  std::vector<std::int64_t> rows_;         // per shard, padded
  std::vector<std::int64_t> offset_;       // per shard, in `all`
  std::vector<std::int64_t> first_token_;  // per shard
  std::vector<RowMap> own_rows_;           // per shard
  std::vector<RowMap> logits_rows_;        // per shard
  std::vector<std::int64_t> logits_offset_;
  std::string prefix_;
  std::map<std::string, LayoutId> layouts_;
  std::map<std::string, MovesId> moves_;
  SizesId sizes_;
  PlacementId first_of_attn_tp_;
};

}  // namespace lockstep::sglang
