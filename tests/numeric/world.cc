#include "tests/numeric/world.h"

#include "tests/numeric/transformer.h"

namespace lockstep::test {
namespace {

Model base() {
  TransformerSpec spec;
  spec.experts_per_token = 3;
  return transformer(spec).model;
}

Model grouped(int kv_heads) {
  Model m = base();
  m.num_key_value_heads = kv_heads;
  m.head_dim = 4;
  return m;
}

// Llama, Mixtral.
Model mixtral() {
  Model m = grouped(2);
  m.scoring_func = "softmax";
  return m;
}

Model qwen2_moe() {
  Model m = grouped(4);
  m.qkv_bias = true;
  m.scoring_func = "softmax";
  m.norm_topk_prob = false;
  m.shared_expert_intermediate_size = 16;
  m.shared_expert_gate = true;
  return m;
}

Model qwen3() {
  Model m = mixtral();
  m.use_qk_norm = true;
  return m;
}

Model gpt_oss() {
  Model m = mixtral();
  m.attention_bias = true;
  m.qkv_bias = true;
  m.attention_sinks = true;
  m.sliding_window = 3;
  m.layer_types = {"sliding_attention", "full_attention"};
  m.router_bias = true;
  m.expert_bias = true;
  m.swiglu_limit = 0.5;  // so that it cuts something
  m.n_shared_experts = 0;
  return m;
}

Model minimax_m2() {
  Model m = grouped(2);
  m.use_qk_norm = true;
  m.partial_rotary_factor = 0.5;
  m.topk_method = "noaux_tc";
  return m;
}

Model glm_4_5() {
  Model m = minimax_m2();
  m.qkv_bias = true;
  return m;
}

// DeepSeek V3, Kimi, GLM-5.
Model deepseek_v3(int query_rank) {
  Model m = base();
  m.q_lora_rank = query_rank;
  m.kv_lora_rank = 6;
  m.qk_nope_head_dim = 5;
  m.qk_rope_head_dim = 4;
  m.v_head_dim = 3;
  m.topk_method = "noaux_tc";
  m.n_group = 4;
  m.topk_group = 2;
  return m;
}

Model deepseek_v2() {
  Model m = deepseek_v3(0);
  m.topk_method = "group_limited_greedy";
  m.scoring_func = "softmax";
  m.norm_topk_prob = false;
  return m;
}

}  // namespace

std::vector<NamedModel> small_families() {
  return {{"heads of their own", base()},
          {"grouped heads", mixtral()},
          {"one head of keys", grouped(1)},
          {"qwen2_moe", qwen2_moe()},
          {"qwen3", qwen3()},
          {"gpt_oss", gpt_oss()},
          {"minimax_m2", minimax_m2(), true},
          {"glm4_moe", glm_4_5()},
          {"deepseek_v3", deepseek_v3(7)},
          {"deepseek_v2", deepseek_v2()}};
}

}  // namespace lockstep::test
