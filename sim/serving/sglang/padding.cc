#include "sim/serving/sglang/padding.h"

#include <algorithm>
#include <cstdint>
#include <numeric>

namespace lockstep::sglang {
namespace {

int ceil_to(int count, int multiple) { return (count + multiple - 1) / multiple * multiple; }

// In the week of #23269..#26911 the alignment of zigzag context parallelism, 2 * cp, was applied
// without it too, so that every count was even.
int aligned(int count, const Parallel& parallel, const Revision& revision) {
  const int rows = ceil_to(count, parallel.attn_tp);
  const bool even = revision.includes(23269) && !revision.includes(26911);
  return even ? ceil_to(rows, 2) : rows;
}

}  // namespace

bool needs_mlp_sync(const Parallel& parallel) {
  return parallel.dp_attention || parallel.has_a2a() || parallel.dense_tp_1;
}

bool needs_tp_gather(const Parallel& parallel) {
  if (!parallel.dp_attention) return false;
  return !parallel.dense_tp_1 || !parallel.dp_lm_head || !parallel.has_a2a();
}

bool needs_gathered_buffer(const Parallel& parallel) {
  const bool input_is_gathered = (parallel.has_a2a() || parallel.dense_tp_1) &&
                                 (!parallel.dp_attention || parallel.attn_dp < parallel.tp);
  return input_is_gathered || needs_tp_gather(parallel);
}

PaddingVersion padding_version(const Revision& revision) {
  return revision.includes(20406) ? PaddingVersion::v2 : PaddingVersion::v1;
}

Padding choose_padding(PaddingVersion version, const std::vector<int>& counts, bool is_extend,
                       int attn_dp) {
  const std::int64_t sum = std::accumulate(counts.begin(), counts.end(), std::int64_t{0});
  const std::int64_t longest = counts.empty() ? 0 : std::ranges::max(counts);
  if (version == PaddingVersion::v1) {
    if (is_extend) return Padding::sum_len;
    return 2 * sum > longest * attn_dp ? Padding::max_len : Padding::sum_len;
  }
  if (is_extend && attn_dp > 1) return Padding::sum_len;
  return 2 * sum >= longest * attn_dp ? Padding::max_len : Padding::sum_len;
}

PaddedCounts pad_counts(const PaddingQuestion& question, const Parallel& parallel,
                        const Revision& revision) {
  const std::size_t shards = question.tokens.size();
  PaddedCounts padded;
  if (question.bucket) {
    const Padding mode = needs_mlp_sync(parallel) ? Padding::max_len : Padding::none;
    return {std::vector<Padding>(shards, mode), std::vector<int>(shards, *question.bucket)};
  }
  if (!needs_mlp_sync(parallel)) {
    return {std::vector<Padding>(shards, Padding::none), question.tokens};
  }
  for (const int count : question.tokens) padded.rows.push_back(aligned(count, parallel, revision));
  const PaddingVersion version = padding_version(revision);
  const auto choose = [&](const std::vector<int>& list) {
    if (question.forced) return *question.forced;
    return choose_padding(version, list, question.is_extend, parallel.attn_dp);
  };
  if (!needs_tp_gather(parallel)) {
    for (const int rows : padded.rows) padded.mode.push_back(choose({rows}));
    return padded;
  }
  padded.mode.assign(shards, choose(padded.rows));
  if (padded.mode.front() == Padding::max_len) {
    padded.rows.assign(shards, std::ranges::max(padded.rows));
  }
  return padded;
}

}  // namespace lockstep::sglang
