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

// V0 (#8280): each shard asks whether its own batch extends. V1 (#10414): whether any does; a tie
// is SUM_LEN. V2 (#20406): a tie is MAX_LEN, and only attention DP forces SUM_LEN. V2b (#30898): an
// extend step that every shard can run as a captured prefill graph is MAX_LEN. V3 (September 2026,
// its pull request is not known; layers/dp_attention.py@0016109): the width of the gather decides,
// not attn_dp.
enum class PaddingVersion { v0, v1, v2, v2b, v3 };
PaddingVersion padding_version(const Revision& revision);

// `counts` is the published list; the cost test takes `width`, not its length: attn_dp, or from V3
// on 1 where nothing is gathered.
Padding choose_padding(PaddingVersion version, const std::vector<int>& counts, bool is_extend,
                       int width);

struct PaddedCounts {
  std::vector<Padding> mode;  // per shard; they differ only where each shard has its own list
  std::vector<int> rows;      // per shard
  bool operator==(const PaddedCounts&) const = default;
};

// Whether an extend step may run as a captured prefill graph, up to which padded count.
struct PrefillGraph {
  bool possible = false;
  std::optional<int> largest;  // unset: not known
};

struct PaddingQuestion {
  std::vector<int> tokens;    // per shard
  std::vector<bool> extends;  // per shard
  bool is_extend = false;     // some shard extends
  PrefillGraph prefill_graph;
  std::optional<Padding> forced;
  std::optional<int> bucket;  // the step runs as a graph of this size
};

// Nothing where the mode hangs on the largest captured prefill size and that is not known.
std::optional<PaddedCounts> pad_counts(const PaddingQuestion& question, const Parallel& parallel,
                                       const Revision& revision);

}  // namespace lockstep::sglang
