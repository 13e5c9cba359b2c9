// What is computed: the layer stack of a decoder-only transformer and its dimensions.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

namespace lockstep {

// Dimensions by their `config.json` names (Hugging Face). Counts are in elements. Kimi K2.6 and
// DeepSeek-V3 figures: section 8.1 of the reference sheet.
struct Model {
  std::string name;          // preset or file it came from
  std::string architecture;  // "DeepseekV3ForCausalLM"
  std::string model_type;    // "deepseek_v3", "kimi_k2"
  int num_hidden_layers = 0;
  int hidden_size = 0;
  int first_k_dense_replace = 0;     // layers before this one are dense
  int moe_layer_freq = 1;            // from there, every such layer is sparse, counted from layer 0
  int decoder_sparse_step = 1;       // Qwen: of those, layers whose number from 1 is a multiple
  std::vector<int> mlp_only_layers;  // Qwen: layers that are dense all the same
  int intermediate_size = 0;         // dense feed-forward width
  int moe_intermediate_size = 0;     // one expert's width
  int n_routed_experts = 0;          // 0: every layer is dense
  int num_experts_per_tok = 0;
  int n_shared_experts = 0;
  int shared_expert_intermediate_size = 0;  // width of all shared experts; 0: of n_shared_experts
  int n_group = 1;                          // expert groups of the router
  int topk_group = 1;                       // groups kept per token
  double routed_scaling_factor = 1.0;
  bool norm_topk_prob = true;
  std::string scoring_func = "sigmoid";  // or "softmax"
  std::string topk_method;   // "greedy", "group_limited_greedy", "noaux_tc"; "": by the groups
  bool router_bias = false;  // the router's logits have a bias
  bool shared_expert_gate = false;  // shared experts count as much as a sigmoid of the token says
  bool expert_bias = false;         // the three projections of an expert have biases
  double swiglu_limit = 0.0;        // above 0: experts clamp gate and up to it (GPT-OSS)
  int num_attention_heads = 0;
  int num_key_value_heads = 0;
  int head_dim = 0;                    // of query, key and value; 0: MLA, or hidden_size / heads
  bool attention_bias = false;         // the output projection has a bias
  bool qkv_bias = false;               // query, key and value have biases
  bool use_qk_norm = false;            // queries and keys are normed; over what, the family says
  bool attention_sinks = false;        // one logit per head that only the softmax's denominator has
  double partial_rotary_factor = 1.0;  // of a head: what turns with the position; MLA: unused
  int sliding_window = 0;              // 0: none
  std::vector<std::string> layer_types;  // who has the window; repeats; empty: every layer
  int q_lora_rank = 0;
  int kv_lora_rank = 0;
  int qk_nope_head_dim = 0;
  int qk_rope_head_dim = 0;
  int v_head_dim = 0;
  int vocab_size = 0;
  int max_position_embeddings = 0;
  double rms_norm_eps = 1e-6;
  double rope_theta = 10000.0;
  std::string quantization = "none";  // "fp8", "int4", "nvfp4"

  // A sparse layer has a mixture of experts. DeepSeek: l >= first_k_dense_replace and
  // l % moe_layer_freq == 0. Qwen: (l + 1) % decoder_sparse_step == 0 and not in mlp_only_layers.
  // REQUIRES: moe_layer_freq > 0, decoder_sparse_step > 0.
  bool is_sparse(int layer) const {
    return n_routed_experts > 0 && layer >= first_k_dense_replace && layer % moe_layer_freq == 0 &&
           (layer + 1) % decoder_sparse_step == 0 &&
           std::ranges::find(mlp_only_layers, layer) == mlp_only_layers.end();
  }

  // Positions that a token of `layer` sees, itself included; 0: all before it.
  int window_of(int layer) const {
    if (sliding_window == 0 || layer_types.empty()) return sliding_window;
    const auto type = static_cast<std::size_t>(layer) % layer_types.size();
    return layer_types[type] == "sliding_attention" ? sliding_window : 0;
  }

  // Keys and values are made from one compressed vector per token (DeepSeek-V2, section 2.1).
  bool is_latent() const { return kv_lora_rank > 0; }

  bool operator==(const Model&) const = default;
};

}  // namespace lockstep
