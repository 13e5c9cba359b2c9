// Lowering inputs for tests: a tiny DeepSeek-family model and layouts by their sizes.
#pragma once

#include <algorithm>
#include <initializer_list>
#include <string>
#include <vector>

#include "sim/serving/input.h"
#include "sim/serving/sglang/rules.h"

namespace lockstep::test {

inline Model tiny_deepseek(int layers = 3, int dense_layers = 1) {
  Model model;
  model.name = "tiny";
  model.architecture = "DeepseekV3ForCausalLM";
  model.model_type = "deepseek_v3";
  model.num_hidden_layers = layers;
  model.hidden_size = 16;
  model.first_k_dense_replace = dense_layers;
  model.intermediate_size = 32;
  model.moe_intermediate_size = 16;
  model.n_routed_experts = 16;
  model.num_experts_per_tok = 2;
  model.n_shared_experts = 1;
  model.num_attention_heads = 16;
  model.num_key_value_heads = 16;
  model.v_head_dim = 4;
  model.kv_lora_rank = 8;  // MLA
  model.vocab_size = 64;
  return model;
}

// The same size with the structure of another family: GPT-OSS has biases, Qwen's dense models no
// experts; only DeepSeek's and GLM's have a dense layer 0.
inline Model tiny_model(const std::string& architecture, int layers = 3) {
  Model model = tiny_deepseek(layers, 1);
  model.architecture = architecture;
  const auto is_one_of = [&](std::initializer_list<const char*> names) {
    return std::ranges::find(names, architecture) != names.end();
  };
  if (is_one_of({"DeepseekV2ForCausalLM", "DeepseekV3ForCausalLM", "DeepseekV32ForCausalLM",
                 "KimiK25ForConditionalGeneration", "GlmMoeDsaForCausalLM"})) {
    return model;
  }
  model.kv_lora_rank = 0;
  model.head_dim = 4;
  model.attention_bias = architecture == "GptOssForCausalLM";
  if (architecture == "Glm4MoeForCausalLM") return model;
  model.first_k_dense_replace = 0;
  if (is_one_of({"Qwen3ForCausalLM", "LlamaForCausalLM"})) {
    model.n_routed_experts = 0;
    model.num_experts_per_tok = 0;
  }
  if (architecture != "Qwen2MoeForCausalLM") model.n_shared_experts = 0;
  return model;
}

// The rules of DeepSeek-V3.
inline std::vector<Rule> deepseek_rules() {
  static const Family family = *family_of("DeepseekV3ForCausalLM");
  return sglang::rules_of(family, "DeepseekV3ForCausalLM");
}

inline Model kimi_k2_6() {
  Model model = tiny_deepseek(61, 1);
  model.hidden_size = 7168;
  model.intermediate_size = 18432;
  model.moe_intermediate_size = 2048;
  model.n_routed_experts = 384;
  model.num_experts_per_tok = 8;
  model.num_attention_heads = 64;
  model.num_key_value_heads = 64;
  model.vocab_size = 163840;
  return model;
}

inline ParallelFlags layout(int tp, int dp, int ep) {
  ParallelFlags flags;
  flags.tp_size = tp;
  flags.dp_size = dp;
  flags.ep_size = ep;
  flags.enable_dp_attention = dp > 1;
  return flags;
}

// extend: one request of that many tokens per shard; decode: that many requests of one token.
inline BatchSpec batch(ForwardMode mode, const std::vector<int>& tokens) {
  BatchSpec batch;
  for (const int count : tokens) {
    ShardBatch shard;
    if (count > 0) shard.mode = mode;
    if (count > 0 && mode == ForwardMode::extend) shard.requests = {{count, 0}};
    if (mode == ForwardMode::decode) {
      shard.requests.assign(static_cast<std::size_t>(count), RequestSpec{1, 7});
    }
    batch.shards.push_back(shard);
  }
  return batch;
}

inline LoweringInput input(const ParallelFlags& parallel, const std::string& revision,
                           const BatchSpec& step) {
  LoweringInput in;
  in.name = "case";
  in.model = tiny_deepseek();
  in.parallel = parallel;
  in.serving.revision = revision;
  in.steps = {step};
  return in;
}

}  // namespace lockstep::test
