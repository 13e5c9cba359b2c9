#include "tests/differential/cases.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "sim/base/random.h"
#include "tests/differential/mutate.h"

namespace lockstep::test {
namespace {

struct Layout {
  int tp, dp, ep, dense_tp;
  const char* a2a;
};

constexpr std::array<Layout, 25> kLayouts{{
    {2, 1, 1, 0, "none"},   {2, 1, 2, 0, "none"},   {8, 1, 8, 0, "none"},   {2, 2, 2, 0, "none"},
    {4, 4, 4, 0, "none"},   {8, 8, 8, 0, "none"},   {4, 4, 1, 0, "none"},   {8, 8, 1, 0, "none"},
    {4, 2, 4, 0, "none"},   {4, 2, 1, 0, "none"},   {4, 2, 2, 0, "none"},   {8, 2, 8, 0, "none"},
    {8, 4, 2, 0, "none"},   {8, 2, 1, 0, "none"},   {4, 1, 1, 0, "none"},   {4, 1, 4, 0, "none"},
    {4, 1, 2, 0, "none"},   {2, 1, 1, 1, "none"},   {4, 4, 4, 1, "none"},   {4, 2, 4, 1, "none"},
    {4, 2, 1, 1, "none"},   {4, 4, 4, 0, "deepep"}, {4, 2, 4, 0, "deepep"}, {4, 2, 4, 1, "deepep"},
    {4, 1, 4, 0, "deepep"},
}};

constexpr std::array<const char*, 8> kRevisions{"22642^", "22642",  "22642",  "23731",
                                                "23732",  "24785^", "24785^", "24785"};

constexpr std::array<const char*, 4> kRules{
    "should_use_dp_reduce_scatterv", "should_use_reduce_scatter", "should_skip_mlp_all_reduce",
    "should_skip_post_experts_all_reduce"};

template <class T, std::size_t N>
const T& choose(const std::array<T, N>& from, Random& random) {
  return from[static_cast<std::size_t>(random.below(static_cast<std::int64_t>(N)))];
}

BatchSpec draw_batch(int shards, Random& random) {
  BatchSpec batch;
  const bool decode = random.chance(1, 3);
  const bool idle_allowed = shards > 1;
  for (int shard = 0; shard < shards; ++shard) {
    ShardBatch one;
    const int tokens = static_cast<int>(random.below(6)) + (idle_allowed ? 0 : 1);
    if (tokens > 0) {
      one.mode = decode ? ForwardMode::decode : ForwardMode::extend;
      if (decode) {
        one.requests.assign(static_cast<std::size_t>(tokens), RequestSpec{1, 3});
      } else if (tokens > 2) {
        one.requests = {{tokens - 2, 0}, {2, static_cast<int>(random.below(4))}};
      } else {
        one.requests = {{tokens, 0}};
      }
    }
    batch.shards.push_back(one);
  }
  const bool nobody =
      std::ranges::all_of(batch.shards, [](const ShardBatch& s) { return s.requests.empty(); });
  if (nobody) batch.shards.front() = {ForwardMode::extend, {{3, 0}}};
  if (random.chance(1, 4))
    batch.padding = random.chance(1, 2) ? Padding::max_len : Padding::sum_len;
  if (decode && random.chance(1, 2)) batch.cuda_graph = random.chance(1, 2);
  return batch;
}

std::string text_of(const BatchSpec& batch) {
  std::string text = "[";
  for (const ShardBatch& shard : batch.shards) {
    text += fmt::format("{}{}", text.size() > 1 ? "," : "", shard.tokens());
  }
  text += "]";
  if (batch.padding) text += " " + to_string(*batch.padding);
  return text;
}

LoweringInput draw_input(Random& random, std::string& description) {
  const Layout& layout = choose(kLayouts, random);
  LoweringInput input;
  input.name = "case";
  const int layers = 2 + static_cast<int>(random.below(2));
  input.model = tiny_model(layers, static_cast<int>(random.below(layers + 1)), 8,
                           random.chance(2, 3) ? 1 : 0);
  input.parallel.tp_size = layout.tp;
  input.parallel.dp_size = layout.dp;
  input.parallel.ep_size = layout.ep;
  input.parallel.enable_dp_attention = layout.dp > 1;
  input.parallel.moe_dense_tp_size = layout.dense_tp;
  input.parallel.moe_a2a_backend = layout.a2a;
  input.parallel.enable_dp_lm_head = layout.dp > 1 && random.chance(1, 4);
  input.serving.revision = choose(kRevisions, random);
  input.steps = {draw_batch(layout.dp > 1 ? layout.dp : 1, random)};
  description = fmt::format(
      "tp{} dp{} ep{} dense_tp{} {} lm_head {} layers {} dense {} shared {} at {} tokens {}",
      layout.tp, layout.dp, layout.ep, layout.dense_tp, layout.a2a,
      input.parallel.enable_dp_lm_head, layers, input.model.first_k_dense_replace,
      input.model.n_shared_experts, input.serving.revision, text_of(input.steps[0]));
  if (random.chance(1, 4)) {
    const char* rule = choose(kRules, random);
    std::string expression = "not default";
    const int layer = static_cast<int>(random.below(layers));
    if (random.chance(1, 2)) {
      expression = fmt::format("layer == {0} and not default or layer != {0} and default", layer);
    } else if (random.chance(1, 4)) {
      expression = fmt::format("rank < {} and default or rank >= {} and not default", layout.tp / 2,
                               layout.tp / 2);
    }
    input.serving.rules[rule] = expression;
    description += fmt::format(" rule {} := {}", rule, expression);
  }
  return input;
}

}  // namespace

Model tiny_model(int layers, int dense_layers, int experts, int shared) {
  Model model;
  model.name = "tiny";
  model.architecture = "DeepseekV3ForCausalLM";
  model.model_type = "deepseek_v3";
  model.kv_lora_rank = 4;  // MLA
  model.num_hidden_layers = layers;
  model.hidden_size = 16;
  model.first_k_dense_replace = dense_layers;
  model.intermediate_size = 16;
  model.moe_intermediate_size = 8;
  model.n_routed_experts = experts;
  model.num_experts_per_tok = experts;
  model.n_shared_experts = shared;
  model.routed_scaling_factor = 2.0;
  model.num_attention_heads = 8;
  model.num_key_value_heads = 8;
  model.q_lora_rank = 8;
  model.kv_lora_rank = 8;
  model.qk_nope_head_dim = 4;
  model.qk_rope_head_dim = 4;
  model.v_head_dim = 4;
  model.vocab_size = 64;
  model.max_position_embeddings = 4096;
  return model;
}

LoweringInput input_of(const Deployment& deployment) {
  LoweringInput input;
  input.name = "deployment";
  input.model = tiny_model(deployment.layers, deployment.dense_layers, 8, 1);
  input.parallel.tp_size = deployment.tp;
  input.parallel.dp_size = deployment.dp;
  input.parallel.ep_size = deployment.ep;
  input.parallel.enable_dp_attention = deployment.dp > 1;
  input.parallel.moe_a2a_backend = deployment.a2a;
  input.serving.revision = deployment.revision;
  BatchSpec batch;
  for (const int tokens : deployment.tokens) {
    ShardBatch shard;
    if (tokens > 0) shard = {ForwardMode::extend, {{tokens, 0}}};
    batch.shards.push_back(shard);
  }
  input.steps = {batch};
  return input;
}

std::optional<Case> make_case(std::uint64_t seed, std::int64_t index) {
  Random random(mix64(seed) ^ mix64(static_cast<std::uint64_t>(index)));
  Case drawn;
  drawn.input = draw_input(random, drawn.description);
  Result<Plan> plan = lower(drawn.input);
  if (!plan) return std::nullopt;
  drawn.plan = std::move(*plan);
  if (random.chance(1, 2)) {
    Mutant mutant = mutate(drawn.plan, random);
    if (mutant.what.empty() || !validate(mutant.plan).empty()) return std::nullopt;
    drawn.plan = std::move(mutant.plan);
    drawn.description += ", " + mutant.what;
    drawn.mutated = true;
  }
  return drawn;
}

}  // namespace lockstep::test
