// Plans as lowering writes them, timed with durations that a reader can add up.
#include <algorithm>
#include <string>

#include "sim/cost/timeline/critical_path.h"
#include "tests/cost/timeline/fake_cost.h"
#include "tests/serving/inputs.h"

namespace lockstep::test {
namespace {

Plan lowered(const LoweringInput& input) {
  Result<Plan> plan = lower(input);
  REQUIRE_MESSAGE(plan, to_string(plan.faults()));
  return std::move(*plan);
}

LoweringInput dense_layers(int layers, int tp) {
  LoweringInput in = input(layout(tp, 1, 1), "latest", batch(ForwardMode::decode, {4}));
  in.model = tiny_deepseek(layers, layers);
  in.steps.front().cuda_graph = false;
  return in;
}

// Attention takes a microsecond for each pair; nothing else takes time.
class AttentionCost : public CostModel {
 public:
  Duration kernel(const Kernel& kernel) const override {
    const auto* attention = std::get_if<Attention>(&kernel);
    return attention == nullptr ? us(0) : us(static_cast<double>(attention->pairs));
  }
  CollectiveTime collective(const CollectiveCall& /*call*/) const override { return {}; }
};

TEST_CASE("two layers on one rank: each kernel once, in order") {
  const Ran one = ran(lowered(dense_layers(2, 1)));
  // A layer: sum and norm in one kernel (the norm alone in layer 0), the attention, sum and norm,
  // and the feed-forward: gate_up, activation, down. Without q_lora_rank the attention of a latent
  // decode is q and kv_a projection, norm, rotation, absorbed key, attention, absorbed value, o.
  const std::int64_t attention = 8;
  const std::int64_t layer = 1 + attention + 1 + 3;
  const std::int64_t around = 1 + 1 + 1 + 1;  // embedding; last sum and norm, pruning, lm_head
  CHECK(one.timeline.end == us(10.0 * static_cast<double>(2 * layer + around)));
}

TEST_CASE("two layers on two ranks: an all-reduce after each block, and those around") {
  const Ran two = ran(lowered(dense_layers(2, 2)));
  std::int64_t collectives = 0;
  for (const OperationTime& time : two.split.operations) {
    const Operation& op = two.plan.operations[static_cast<std::size_t>(time.operation)];
    if (!is_collective(op.kind)) continue;
    ++collectives;
    CHECK(time.most == us(100));
    CHECK(time.ranks == 2);
  }
  CHECK(collectives == 2 * 2 + 2);  // embedding and logits
  CHECK(two.split.ranks[0].communication == us(100.0 * static_cast<double>(collectives)));
}

TEST_CASE("the rank with the longest attention is waited for by the others") {
  const LoweringInput in = input(layout(2, 2, 2), "latest", batch(ForwardMode::extend, {10, 2}));
  const Ran two = ran(lowered(in), AttentionCost());
  // 3 layers; pairs of t tokens: t (t + 1) / 2; shard 1 waits for the difference in each layer
  CHECK(two.timeline.end == us(3 * 55));
  CHECK(two.split.ranks[0] == Split{us(3 * 55), us(0), us(0), us(0)});
  CHECK(two.split.ranks[1] == Split{us(3 * 3), us(0), us(3 * (55 - 3)), us(0)});
}

TEST_CASE("the critical path is one chain from the start to the end") {
  const LoweringInput in = input(layout(2, 2, 2), "latest", batch(ForwardMode::extend, {10, 2}));
  const Ran two = ran(lowered(in));
  const std::vector<ChainLink> chain = critical_path(two.timed, two.timeline);
  REQUIRE_FALSE(chain.empty());
  Time at{};
  for (const ChainLink& link : chain) {
    CHECK(link.begin == at);
    at = link.end;
  }
  CHECK(at == two.timeline.end);
}

TEST_CASE("tokens of a step are its prompts' or its decoded ones") {
  LoweringInput in = input(layout(2, 2, 2), "latest", batch(ForwardMode::extend, {10, 2}));
  in.steps.push_back(batch(ForwardMode::decode, {3, 4}));
  const Ran two = ran(lowered(in));
  REQUIRE(two.split.steps.size() == 2);
  CHECK(two.split.steps[0].prompt_tokens == 12);
  CHECK(two.split.steps[1].decoded_tokens == 7);
  CHECK(two.split.steps[1].begin == two.split.steps[0].end);
  CHECK(two.split.steps[1].end == two.timeline.end);
}

TEST_CASE("a padded step moves padded rows") {
  LoweringInput in = input(layout(2, 2, 2), "latest", batch(ForwardMode::decode, {3, 1}));
  in.steps.front().padding = Padding::max_len;
  in.steps.front().cuda_graph = false;
  const FakeCost cost;
  ran(lowered(in), cost);
  const auto gather = std::ranges::find(cost.calls, Collective::all_gather, &CollectiveCall::kind);
  REQUIRE(gather != cost.calls.end());
  CHECK(gather->bytes == 2 * 3 * in.model.hidden_size * 2);  // ranks x padded rows x columns x 2
}

TEST_CASE("shapes are computed once: 61 layers ask for hardly more than one") {
  LoweringInput in =
      input(layout(8, 8, 8), "latest", batch(ForwardMode::decode, {4, 4, 4, 4, 4, 4, 4, 4}));
  in.model = tiny_deepseek(61, 1);
  const FakeCost cost;
  ran(lowered(in), cost);
  CHECK(cost.kernels.size() < 60);
  CHECK(cost.calls.size() < 10);
}

}  // namespace
}  // namespace lockstep::test
