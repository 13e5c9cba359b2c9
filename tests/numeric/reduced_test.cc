#include <doctest/doctest.h>

#include "backend/numeric/replay.h"
#include "backend/numeric/weights.h"
#include "tests/numeric/program_plan.h"
#include "tests/numeric/transformer.h"

namespace lockstep::test {
namespace {

// DeepSeek-V3's dimensions (section 8.1 of the reference sheet) over eight ranks.
Plan full_size(int attn_tp, int moe_tp) {
  TransformerSpec spec;
  spec.tokens = std::vector<int>(static_cast<std::size_t>(8 / attn_tp), 4);
  spec.attn_tp = attn_tp;
  spec.moe_tp = moe_tp;
  spec.experts = 256;
  spec.experts_per_token = 8;
  Plan plan = transformer(spec);
  plan.model.hidden_size = 7168;
  plan.model.intermediate_size = 18432;
  plan.model.moe_intermediate_size = 2048;
  plan.model.num_attention_heads = 128;
  plan.model.num_key_value_heads = 128;
  plan.model.v_head_dim = 128;
  plan.model.vocab_size = 129280;
  return plan;
}

TEST_CASE("every shard count of the plan divides the reduced dimensions") {
  for (const int attn_tp : {1, 2, 8}) {
    for (const int moe_tp : {1, 4}) {
      const Model m = numeric::at_reduced_dimensions(full_size(attn_tp, moe_tp)).model;
      CHECK(m.hidden_size == 16);
      CHECK(m.num_attention_heads % attn_tp == 0);
      CHECK(m.intermediate_size == 16);  // 2 columns for each of 8 ranks
      CHECK(m.moe_intermediate_size % moe_tp == 0);
      CHECK(m.n_shared_experts * m.moe_intermediate_size % 8 == 0);
      CHECK(m.vocab_size % (64 * attn_tp) % 64 == 0);
      CHECK(m.vocab_size <= 512);
    }
  }
}

// The shape of Qwen2-57B-A14B: no latent attention, few key/value heads, a shared expert of its own
// width, no group of experts.
Plan without_latent_attention(int attn_tp, int moe_tp) {
  Plan plan = full_size(attn_tp, moe_tp);
  Model& m = plan.model;
  m.hidden_size = 3584;
  m.num_attention_heads = 56;
  m.num_key_value_heads = 8;
  m.head_dim = 128;
  m.v_head_dim = 128;
  m.moe_intermediate_size = 2560;
  m.shared_expert_intermediate_size = 20480;
  return plan;
}

TEST_CASE("a model without latent attention keeps one head width and its shared expert's cut") {
  for (const int attn_tp : {1, 2, 8}) {
    for (const int moe_tp : {1, 4}) {
      CAPTURE(attn_tp);
      CAPTURE(moe_tp);
      const Plan plan = numeric::at_reduced_dimensions(without_latent_attention(attn_tp, moe_tp));
      const Model& m = plan.model;
      CHECK(m.head_dim == 4);
      CHECK(m.v_head_dim == m.head_dim);
      CHECK(m.num_attention_heads % attn_tp == 0);
      CHECK(m.num_attention_heads % m.num_key_value_heads == 0);
      CHECK(m.shared_expert_intermediate_size < 64);
      CHECK(numeric::shared_width(m) == m.shared_expert_intermediate_size);
      CHECK(m.shared_expert_intermediate_size % 8 == 0);  // 8 ranks hold the shared expert
      CHECK(numeric::at_reduced_dimensions(plan) == plan);
      CHECK(to_string(numeric::replay(plan, {}).verdict) == "agrees");
    }
  }
}

Plan with_heads(int attn_tp, int heads, int kv_heads) {
  Plan plan = full_size(attn_tp, 1);
  plan.model.num_attention_heads = heads;
  plan.model.num_key_value_heads = kv_heads;
  plan.model.head_dim = 128;
  return plan;
}

TEST_CASE("grouped heads stay grouped, and more ranks than kv heads stay more") {
  struct Case {
    int attn_tp, heads, kv_heads;
  };
  for (const Case& c : {Case{1, 64, 8}, Case{8, 64, 8}, Case{8, 64, 4}, Case{4, 64, 64},
                        Case{2, 32, 1}, Case{1, 28, 4}}) {
    CAPTURE(c.attn_tp);
    CAPTURE(c.kv_heads);
    const Plan plan = numeric::at_reduced_dimensions(with_heads(c.attn_tp, c.heads, c.kv_heads));
    const Model& m = plan.model;
    CHECK(m.num_attention_heads % c.attn_tp == 0);
    CHECK(m.num_attention_heads >= 4);
    CHECK(m.num_attention_heads <= 16);
    CHECK((m.num_attention_heads > m.num_key_value_heads) == (c.heads > c.kv_heads));
    CHECK((c.attn_tp > m.num_key_value_heads) == (c.attn_tp > c.kv_heads));
    CHECK(m.num_attention_heads % m.num_key_value_heads == 0);
    CHECK(numeric::at_reduced_dimensions(plan) == plan);
    CHECK(to_string(numeric::replay(plan, {}).verdict) == "agrees");
  }
}

TEST_CASE("latents stay narrower than what they compress, and a window still cuts") {
  Plan plan = full_size(2, 1);
  Model& full = plan.model;
  full.q_lora_rank = 1536;
  full.kv_lora_rank = 512;
  full.qk_nope_head_dim = 128;
  full.qk_rope_head_dim = 64;
  full.sliding_window = 128;
  full.layer_types = {"sliding_attention", "full_attention"};
  full.n_group = 8;
  full.topk_group = 4;
  full.topk_method = "noaux_tc";
  const Plan reduced = numeric::at_reduced_dimensions(plan);
  const Model& m = reduced.model;
  CHECK(m.kv_lora_rank < m.num_attention_heads * (m.qk_nope_head_dim + m.v_head_dim));
  CHECK(m.kv_lora_rank < m.hidden_size);
  CHECK(m.q_lora_rank < m.hidden_size);
  CHECK(m.qk_rope_head_dim % 2 == 0);
  CHECK(m.window_of(0) == 4);
  CHECK(m.window_of(1) == 0);
  CHECK(m.n_group == 8);
  CHECK(m.topk_group == 4);
  CHECK(to_string(numeric::replay(reduced, {}).verdict) == "agrees");
}

TEST_CASE("a model whose layers are all sparse has no dense width, reduced or not") {
  Plan plan = full_size(2, 1);
  plan.model.intermediate_size = 0;
  CHECK(numeric::at_reduced_dimensions(plan).model.intermediate_size == 0);
}

TEST_CASE("layers, experts and routing stay, and so does everything else of the plan") {
  const Plan full = full_size(2, 1);
  Plan reduced = numeric::at_reduced_dimensions(full);
  CHECK(reduced.model.n_routed_experts == 256);
  CHECK(reduced.model.num_experts_per_tok == 8);
  CHECK(reduced.model.num_hidden_layers == full.model.num_hidden_layers);
  reduced.model = full.model;
  CHECK(reduced == full);
}

TEST_CASE("reducing twice is reducing once, and a small model stays as it is") {
  const Plan once = numeric::at_reduced_dimensions(full_size(2, 2));
  CHECK(numeric::at_reduced_dimensions(once) == once);
  const Plan small = transformer({});
  CHECK(numeric::at_reduced_dimensions(small).model.hidden_size == small.model.hidden_size);
}

TEST_CASE("a full-size plan agrees at reduced dimensions") {
  const Plan plan = numeric::at_reduced_dimensions(full_size(2, 2));
  CHECK(to_string(numeric::replay(plan, {}).verdict) == "agrees");
}

TEST_CASE("hidden columns that three ranks slice divide by three; numbers of columns stay") {
  ProgramText text;
  text.world = 3;
  text.tensors = "x, {name: y, columns: 8}, {name: z, columns: 1000}";
  text.lines = {
      input_x(), line("slice_columns", {"x"}, {is("x", "x", "columns_over: tp")}, "group: tp"),
      line("compute", {}, {is("z", "z")}, "produces: [{term: z}]"), require(is("z", "z"))};
  const Plan plan = numeric::at_reduced_dimensions(program(text));
  CHECK(plan.model.hidden_size % 3 == 0);
  CHECK(plan.column_count("1000") == 1000);
  CHECK(to_string(numeric::replay(plan, {}).verdict) == "agrees");
}

}  // namespace
}  // namespace lockstep::test
