#include "sim/scenario/reduce.h"

#include <algorithm>

#include "sim/base/require.h"

namespace lockstep {
namespace {

constexpr int kLongestPrefix = 8;

// `count` of at most `largest`, scaled to at most `most`; only 0 becomes 0.
int scaled(int count, int largest, int most) {
  if (largest <= most || count == 0) return count;
  const auto product = static_cast<std::int64_t>(count) * most;
  return std::max(1, static_cast<int>(product / largest));
}

void shrink(ShardBatch& shard, int largest, int most) {
  const auto budget = static_cast<std::size_t>(scaled(shard.tokens(), largest, most));
  // Decode: fewer requests of one token. Extend: no more requests than tokens, each at least one.
  if (shard.requests.size() > budget) shard.requests.resize(budget);
  int left = static_cast<int>(budget);
  for (std::size_t i = 0; i < shard.requests.size(); ++i) {
    RequestSpec& request = shard.requests[i];
    const int others = static_cast<int>(shard.requests.size() - i) - 1;
    const bool last = others == 0;
    const int wanted =
        shard.mode == ForwardMode::decode ? 1 : scaled(request.tokens, largest, most);
    request.tokens = last && shard.mode != ForwardMode::decode
                         ? std::min(request.tokens, left)
                         : std::clamp(wanted, 1, left - others);
    left -= request.tokens;
    request.prefix = std::min(request.prefix, kLongestPrefix);
  }
}

// Shards that chose different paddings (SGLang before #10414) gather by operations of some ranks
// each; the mode of the step is then one of several, and pinning it would hide the fault.
bool paddings_differ(const Plan& plan, int step) {
  return std::ranges::any_of(plan.operations, [step](const Operation& op) {
    return op.site.step == step && op.name.starts_with("dp_gather") && !op.ranks.empty();
  });
}

}  // namespace

LoweringInput at_reduced_tokens(LoweringInput input, const Plan& full, int most) {
  LOCKSTEP_ASSERT(full.steps.size() == input.steps.size());
  for (std::size_t i = 0; i < input.steps.size(); ++i) {
    BatchSpec& batch = input.steps[i];
    int largest = 0;
    for (const ShardBatch& shard : batch.shards) largest = std::max(largest, shard.tokens());
    for (ShardBatch& shard : batch.shards) shrink(shard, largest, most);
    batch.cuda_graph = full.steps[i].cuda_graph;
    const bool pinned = full.steps[i].padding != Padding::none && !full.steps[i].cuda_graph;
    if (pinned && !paddings_differ(full, static_cast<int>(i)))
      batch.padding = full.steps[i].padding;
  }
  return input;
}

}  // namespace lockstep
