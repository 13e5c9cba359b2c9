// How the token counts of the shards become row counts (reference sheet, sections 4.1-4.4).
#pragma once

#include <optional>
#include <vector>

#include "sim/parallel/batch.h"
#include "sim/parallel/parallel.h"
#include "sim/serving/sglang/timeline.h"

namespace lockstep::sglang {

// Counts are published: DP attention, an all-to-all backend, or moe_dense_tp_size 1.
bool needs_mlp_sync(const Parallel& parallel);
// The published list has an entry per shard; otherwise only the local count.
bool needs_tp_gather(const Parallel& parallel);
// The buffer that shards gather into exists (decides the captured sizes).
bool needs_gathered_buffer(const Parallel& parallel);

// V1: a tie is SUM_LEN. V2 (#20406): a tie is MAX_LEN, and only attention DP forces SUM_LEN.
enum class PaddingVersion { v1, v2 };
PaddingVersion padding_version(const Revision& revision);

// `counts` is the published list; the cost test takes attn_dp, not its length.
Padding choose_padding(PaddingVersion version, const std::vector<int>& counts, bool is_extend,
                       int attn_dp);

struct PaddedCounts {
  std::vector<Padding> mode;  // per shard; they differ only where each shard has its own list
  std::vector<int> rows;      // per shard
  bool operator==(const PaddedCounts&) const = default;
};

struct PaddingQuestion {
  std::vector<int> tokens;  // per shard
  bool is_extend = false;
  std::optional<Padding> forced;
  std::optional<int> bucket;  // the step runs as a graph of this size
};

PaddedCounts pad_counts(const PaddingQuestion& question, const Parallel& parallel,
                        const Revision& revision);

}  // namespace lockstep::sglang
