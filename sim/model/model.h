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
  int num_attention_heads = 0;
  int num_key_value_heads = 0;
  int head_dim = 0;             // of query, key and value; 0: MLA, or hidden_size / heads
  bool attention_bias = false;  // the output projection has a bias
  int sliding_window = 0;       // 0: none
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

  bool operator==(const Model&) const = default;
};

}  // namespace lockstep
