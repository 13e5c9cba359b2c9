#include "sim/serving/sglang/padding.h"

#include <algorithm>
#include <cstdint>
#include <numeric>
#include <utility>

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
  if (revision.includes(36507)) return PaddingVersion::v3;
  if (revision.includes(30898)) return PaddingVersion::v2b;
  if (revision.includes(20406)) return PaddingVersion::v2;
  return revision.includes(10414) ? PaddingVersion::v1 : PaddingVersion::v0;
}

Padding choose_padding(PaddingVersion version, const std::vector<int>& counts, bool is_extend,
                       int width) {
  const std::int64_t sum = std::accumulate(counts.begin(), counts.end(), std::int64_t{0});
  const std::int64_t longest = counts.empty() ? 0 : std::ranges::max(counts);
  if (version <= PaddingVersion::v1) {
    if (is_extend) return Padding::sum_len;
    return 2 * sum > longest * width ? Padding::max_len : Padding::sum_len;
  }
  if (is_extend && width > 1) return Padding::sum_len;
  return 2 * sum >= longest * width ? Padding::max_len : Padding::sum_len;
}

namespace {

// The mode of one published list.
std::optional<Padding> mode_of(const PaddingQuestion& question, const std::vector<int>& list,
                               bool extends, const Parallel& parallel, PaddingVersion version) {
  if (question.forced) return question.forced;
  const PrefillGraph& graph = question.prefill_graph;
  if (version >= PaddingVersion::v2b && extends && graph.possible) {
    if (!graph.largest) return std::nullopt;
    if (std::ranges::max(list) <= *graph.largest) return Padding::max_len;
  }
  const bool local_width = version >= PaddingVersion::v3 && !needs_tp_gather(parallel);
  return choose_padding(version, list, extends, local_width ? 1 : parallel.attn_dp);
}

// Each shard decides by a list of its own: the local count, or in V0 the local forward mode.
std::optional<PaddedCounts> pad_each(const PaddingQuestion& question, PaddedCounts padded,
                                     const Parallel& parallel, PaddingVersion version) {
  const bool gathers = needs_tp_gather(parallel);
  const int longest = std::ranges::max(padded.rows);
  const std::vector<int> all = padded.rows;
  for (std::size_t d = 0; d < all.size(); ++d) {
    const bool extends = version == PaddingVersion::v0 ? question.extends[d] : question.is_extend;
    const auto mode =
        mode_of(question, gathers ? all : std::vector{all[d]}, extends, parallel, version);
    if (!mode) return std::nullopt;
    padded.mode.push_back(*mode);
    if (gathers && *mode == Padding::max_len) padded.rows[d] = longest;
  }
  return padded;
}

}  // namespace

std::optional<PaddedCounts> pad_counts(const PaddingQuestion& question, const Parallel& parallel,
                                       const Revision& revision) {
  const std::size_t shards = question.tokens.size();
  PaddedCounts padded;
  if (question.bucket) {
    const Padding mode = needs_mlp_sync(parallel) ? Padding::max_len : Padding::none;
    return PaddedCounts{std::vector<Padding>(shards, mode),
                        std::vector<int>(shards, *question.bucket)};
  }
  if (!needs_mlp_sync(parallel)) {
    return PaddedCounts{std::vector<Padding>(shards, Padding::none), question.tokens};
  }
  for (const int count : question.tokens) padded.rows.push_back(aligned(count, parallel, revision));
  const PaddingVersion version = padding_version(revision);
  if (version == PaddingVersion::v0 || !needs_tp_gather(parallel)) {
    return pad_each(question, std::move(padded), parallel, version);
  }
  const auto mode = mode_of(question, padded.rows, question.is_extend, parallel, version);
  if (!mode) return std::nullopt;
  padded.mode.assign(shards, *mode);
  if (*mode == Padding::max_len) padded.rows.assign(shards, std::ranges::max(padded.rows));
  return padded;
}

}  // namespace lockstep::sglang
