#include "tests/differential/cases.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "sim/base/random.h"
#include "tests/differential/mutate.h"
#include "tests/differential/steps.h"

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

// Now and then other numbers of ranks, which divide other dimensions.
constexpr std::array<Layout, 16> kRareLayouts{{
    {3, 1, 3, 0, "none"},
    {3, 3, 1, 0, "none"},
    {3, 3, 3, 0, "none"},
    {6, 2, 6, 0, "none"},
    {6, 3, 2, 0, "none"},
    {6, 6, 3, 0, "none"},
    {6, 2, 1, 1, "none"},
    {12, 4, 12, 0, "none"},
    {12, 12, 4, 0, "none"},
    {12, 6, 12, 0, "deepep"},
    {16, 16, 16, 0, "none"},
    {16, 4, 16, 0, "none"},
    {16, 2, 4, 0, "none"},
    {16, 16, 2, 0, "none"},
    {16, 1, 16, 0, "none"},
    {16, 8, 16, 1, "deepep"},
}};

constexpr std::array<const char*, 8> kRevisions{"22642^", "22642",  "22642",  "23731",
                                                "23732",  "24785^", "24785^", "24785"};

// Families by an architecture that stands for them, and what their models have. Mixtral stands
// twice, since most of its draws are refused: it has no attention by data parallelism.
struct Kind {
  const char* architecture;
  bool dense = false;  // dense layers only, or some
  bool sparse = false;
  bool shared = false;  // may have a shared expert
  bool mla = false;
};
constexpr std::array<Kind, 12> kKinds{{{"DeepseekV3ForCausalLM", true, true, true, true},
                                       {"DeepseekV3ForCausalLM", true, true, true, true},
                                       {"KimiK25ForConditionalGeneration", true, true, true, true},
                                       {"Glm4MoeForCausalLM", true, true, true, false},
                                       {"Qwen2MoeForCausalLM", false, true, true, false},
                                       {"Qwen3MoeForCausalLM", false, true, false, false},
                                       {"Qwen3ForCausalLM", true, false, false, false},
                                       {"GptOssForCausalLM", false, true, false, false},
                                       {"MiniMaxM2ForCausalLM", false, true, false, false},
                                       {"MixtralForCausalLM", false, true, false, false},
                                       {"MixtralForCausalLM", false, true, false, false},
                                       {"LlamaForCausalLM", true, false, false, false}}};

constexpr std::array<const char*, 6> kOtherRevisions{"18233", "21195", "32663",
                                                     "37199", "41195", "latest"};

constexpr std::array<const char*, 4> kRules{
    "should_use_dp_reduce_scatterv", "should_use_reduce_scatter", "should_skip_mlp_all_reduce",
    "should_skip_post_experts_all_reduce"};

template <class T, std::size_t N>
const T& choose(const std::array<T, N>& from, Random& random) {
  return from[static_cast<std::size_t>(random.below(static_cast<std::int64_t>(N)))];
}

void set_kind(const Kind& kind, Model& model) {
  model.architecture = kind.architecture;
  if (!kind.sparse) model.first_k_dense_replace = model.num_hidden_layers;
  if (!kind.dense) model.first_k_dense_replace = 0;
  if (!kind.shared) model.n_shared_experts = 0;
  if (!kind.mla) model.kv_lora_rank = 0;
  model.attention_bias = model.architecture == "GptOssForCausalLM";
}

// What nobody knows is said by the case, as a user would: a plan of unknown facts tests nothing.
void settle_unknown_facts(LoweringInput& input) {
  const std::string& revision = input.serving.revision;
  const bool merged = revision == "41195" || revision == "latest";
  if (!merged) input.serving.rules["deferred_sum_covers_moe_tp"] = "false";
  input.serving.rules["supports_dense_tp_1"] = "true";
  if (input.model.architecture == "LlamaForCausalLM") {
    input.serving.rules["supports_dp_attention"] = "true";
    input.serving.rules["allow_reduce_scatter"] = "true";
    if (!merged) input.serving.rules["should_skip_mlp_all_reduce"] = "use_reduce_scatter";
  }
}

// Dimensions that the ranks of `tp` divide. A slice of a feed-forward has three columns or more: of
// one column the activation is near zero for some token now and then, and then nobody misses it.
void fit_dimensions(int tp, Model& model) {
  model.intermediate_size = model.moe_intermediate_size = std::max(8, 3 * tp);
  if (tp % 3 == 0) {
    model.hidden_size *= 3;
    model.vocab_size *= 3;
    model.n_routed_experts = model.num_experts_per_tok = 12;
    model.num_attention_heads = model.num_key_value_heads = 12;
  }
  if (tp == 16) {
    model.n_routed_experts = model.num_experts_per_tok = 16;
    model.num_attention_heads = model.num_key_value_heads = 16;
  }
}

// Turns one of the rules that decide about sums round: everywhere, on one layer, or on some ranks.
void turn_a_rule(const Layout& layout, int layers, LoweringInput& input, Random& random,
                 std::string& description) {
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

LoweringInput draw_input(Random& random, std::string& description) {
  const Layout& layout =
      random.chance(1, 10) ? choose(kRareLayouts, random) : choose(kLayouts, random);
  LoweringInput input;
  input.name = "case";
  const int layers = 2 + static_cast<int>(random.below(2));
  input.model = tiny_model(layers, static_cast<int>(random.below(layers + 1)), 8,
                           random.chance(2, 3) ? 1 : 0);
  fit_dimensions(layout.tp, input.model);
  input.parallel.tp_size = layout.tp;
  input.parallel.dp_size = layout.dp;
  input.parallel.ep_size = layout.ep;
  input.parallel.enable_dp_attention = layout.dp > 1;
  input.parallel.moe_dense_tp_size = layout.dense_tp;
  input.parallel.moe_a2a_backend = layout.a2a;
  input.parallel.enable_dp_lm_head = layout.dp > 1 && random.chance(1, 4);
  input.serving.revision =
      random.chance(1, 3) ? choose(kOtherRevisions, random) : choose(kRevisions, random);
  set_kind(choose(kKinds, random), input.model);
  settle_unknown_facts(input);
  input.steps = draw_steps(layout.dp > 1 ? layout.dp : 1, random);
  description = fmt::format(
      "{} tp{} dp{} ep{} dense_tp{} {} lm_head {} layers {} dense {} shared {} at {}: {}",
      input.model.architecture, layout.tp, layout.dp, layout.ep, layout.dense_tp, layout.a2a,
      input.parallel.enable_dp_lm_head, layers, input.model.first_k_dense_replace,
      input.model.n_shared_experts, input.serving.revision, text_of(input.steps));
  if (random.chance(1, 4)) turn_a_rule(layout, layers, input, random, description);
  return input;
}

// One change in most mutants, two in some.
bool mutate_case(Case& drawn, Random& random) {
  for (int changes = random.chance(1, 5) ? 2 : 1; changes > 0; --changes) {
    Mutant mutant = mutate(drawn.plan, random);
    if (mutant.what.empty() || !validate(mutant.plan).empty()) return false;
    drawn.plan = std::move(mutant.plan);
    drawn.description += ", " + mutant.what;
    drawn.mutated = true;
  }
  return true;
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
  if (!plan || !plan->unknown.empty()) return std::nullopt;
  drawn.plan = std::move(*plan);
  if (random.chance(1, 2) && !mutate_case(drawn, random)) return std::nullopt;
  return drawn;
}

}  // namespace lockstep::test
