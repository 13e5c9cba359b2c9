#include "sim/scenario/reduce.h"

#include <algorithm>
#include <map>
#include <utility>
#include <vector>

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

// Where a request ended: as it was asked for, and as it is run.
struct Reached {
  int asked = 0;
  int run = 0;
};
// Of the requests of the steps so far, by shard and place in its batch: the latest of each.
using Earlier = std::map<std::pair<std::size_t, std::size_t>, Reached>;

// A request that continues one of an earlier step does so still, however long that has become: its
// cache is what that step computed. One that does not must not begin to.
void keep_cache(std::size_t shard, const std::vector<RequestSpec>& asked,
                std::vector<RequestSpec>& run, Earlier& earlier) {
  for (std::size_t i = 0; i < run.size(); ++i) {
    const auto before = earlier.find({shard, i});
    if (before != earlier.end() && run[i].prefix > 0) {
      const bool continues = asked[i].prefix == before->second.asked;
      if (continues) {
        run[i].prefix = before->second.run;
      } else if (run[i].prefix == before->second.run) {
        --run[i].prefix;
      }
    }
  }
  for (std::size_t i = 0; i < run.size(); ++i) {
    earlier[{shard, i}] = {asked[i].prefix + asked[i].tokens, run[i].prefix + run[i].tokens};
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
  Earlier earlier;
  for (std::size_t i = 0; i < input.steps.size(); ++i) {
    BatchSpec& batch = input.steps[i];
    int largest = 0;
    for (const ShardBatch& shard : batch.shards) largest = std::max(largest, shard.tokens());
    for (std::size_t shard = 0; shard < batch.shards.size(); ++shard) {
      std::vector<RequestSpec>& requests = batch.shards[shard].requests;
      const std::vector<RequestSpec> asked = requests;
      shrink(batch.shards[shard], largest, most);
      keep_cache(shard, asked, requests, earlier);
    }
    batch.cuda_graph = full.steps[i].cuda_graph;
    const bool pinned = full.steps[i].padding != Padding::none && !full.steps[i].cuda_graph;
    if (pinned && !paddings_differ(full, static_cast<int>(i)))
      batch.padding = full.steps[i].padding;
  }
  return input;
}

}  // namespace lockstep
