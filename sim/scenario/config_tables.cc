#include "sim/scenario/config_tables.h"

#include <algorithm>
#include <array>

namespace lockstep {
namespace {

// Sources of names and defaults: the configuration classes of huggingface/transformers
// (src/transformers/models/MODEL/configuration_MODEL.py), unless a table says otherwise. The four
// sizes without which there is no model have no defaults here, whatever the classes say.
constexpr auto kCommon = std::to_array<PublishedKey>({
    {"model_type", "model_type", ""},
    {"num_hidden_layers", "num_hidden_layers", ""},
    {"hidden_size", "hidden_size", ""},
    {"intermediate_size", "intermediate_size", ""},
    {"num_attention_heads", "num_attention_heads", ""},
    {"num_key_value_heads", "num_key_value_heads", ""},
    {"vocab_size", "vocab_size", ""},
    {"max_position_embeddings", "max_position_embeddings", ""},
    {"rms_norm_eps", "rms_norm_eps", "1e-6"},
    {"rope_theta", "rope_theta|rope_parameters.rope_theta|rope_scaling.rope_theta", "10000"},
});

// DeepseekV2Config as published with the models (deepseek-ai/DeepSeek-VL2,
// deepseek_vl2/models/configuration_deepseek.py). The class of the same name in transformers
// differs: 2 shared and 64 routed experts by default.
constexpr auto kDeepseekV2 = std::to_array<PublishedKey>({
    {"first_k_dense_replace", "first_k_dense_replace", "0"},
    {"moe_layer_freq", "moe_layer_freq", "1"},
    {"moe_intermediate_size", "moe_intermediate_size", "1407"},
    {"n_routed_experts", "n_routed_experts", ""},
    {"num_experts_per_tok", "num_experts_per_tok", ""},
    {"n_shared_experts", "n_shared_experts", ""},
    {"n_group", "n_group", "1"},
    {"topk_group", "topk_group", "1"},
    {"routed_scaling_factor", "routed_scaling_factor", "1.0"},
    {"norm_topk_prob", "norm_topk_prob", "false"},
    {"scoring_func", "scoring_func", "softmax"},
    {"q_lora_rank", "q_lora_rank", "1536"},
    {"kv_lora_rank", "kv_lora_rank", "512"},
    {"qk_nope_head_dim", "qk_nope_head_dim", "128"},
    {"qk_rope_head_dim", "qk_rope_head_dim", "64"},
    {"v_head_dim", "v_head_dim", "128"},
    {"topk_method", "topk_method", "greedy"},
});

// DeepseekV3Config; the router scores by sigmoid.
constexpr auto kDeepseekV3 = std::to_array<PublishedKey>({
    {"first_k_dense_replace", "first_k_dense_replace", "3"},
    {"moe_layer_freq", "moe_layer_freq", "1"},
    {"moe_intermediate_size", "moe_intermediate_size", "2048"},
    {"n_routed_experts", "n_routed_experts|num_local_experts", "256"},
    {"num_experts_per_tok", "num_experts_per_tok", "8"},
    {"n_shared_experts", "n_shared_experts", "1"},
    {"n_group", "n_group", "8"},
    {"topk_group", "topk_group", "4"},
    {"routed_scaling_factor", "routed_scaling_factor", "2.5"},
    {"norm_topk_prob", "norm_topk_prob", "true"},
    {"scoring_func", "scoring_func", "sigmoid"},
    {"q_lora_rank", "q_lora_rank", "1536"},
    {"kv_lora_rank", "kv_lora_rank", "512"},
    {"qk_nope_head_dim", "qk_nope_head_dim", "128"},
    {"qk_rope_head_dim", "qk_rope_head_dim", "64"},
    {"v_head_dim", "v_head_dim", "128"},
    {"topk_method", "topk_method", "noaux_tc"},
});

// GlmMoeDsaConfig; its head_dim is the rotary part, qk_rope_head_dim.
constexpr auto kGlmMoeDsa = std::to_array<PublishedKey>({
    {"first_k_dense_replace", "first_k_dense_replace", "3"},
    {"moe_layer_freq", "moe_layer_freq", "1"},
    {"moe_intermediate_size", "moe_intermediate_size", "2048"},
    {"n_routed_experts", "n_routed_experts|num_local_experts|num_experts", "256"},
    {"num_experts_per_tok", "num_experts_per_tok", "8"},
    {"n_shared_experts", "n_shared_experts", "1"},
    {"n_group", "n_group", "1"},
    {"topk_group", "topk_group", "1"},
    {"routed_scaling_factor", "routed_scaling_factor", "2.5"},
    {"norm_topk_prob", "norm_topk_prob", "true"},
    {"scoring_func", "scoring_func", "sigmoid"},
    {"rms_norm_eps", "rms_norm_eps", "1e-5"},
    {"q_lora_rank", "q_lora_rank", "2048"},
    {"kv_lora_rank", "kv_lora_rank", "512"},
    {"qk_nope_head_dim", "qk_nope_head_dim", "192"},
    {"qk_rope_head_dim", "qk_rope_head_dim", "64"},
    {"v_head_dim", "v_head_dim", "256"},
    {"topk_method", "topk_method", "noaux_tc"},
});

// Qwen2MoeConfig. One shared expert behind a gate. The biases are those of query, key and value.
constexpr auto kQwen2Moe = std::to_array<PublishedKey>({
    {"decoder_sparse_step", "decoder_sparse_step", "1"},
    {"mlp_only_layers", "mlp_only_layers", ""},
    {"moe_intermediate_size", "moe_intermediate_size", "1408"},
    {"n_routed_experts", "num_experts", "60"},
    {"num_experts_per_tok", "num_experts_per_tok", "4"},
    {"n_shared_experts", "", "1"},
    {"shared_expert_intermediate_size", "shared_expert_intermediate_size", "5632"},
    {"norm_topk_prob", "norm_topk_prob", "false"},
    {"scoring_func", "", "softmax"},
    {"num_key_value_heads", "num_key_value_heads", "16"},
    {"head_dim", "head_dim", ""},
    {"sliding_window", "sliding_window", "4096", "use_sliding_window"},
    {"shared_expert_gate", "", "true"},
    {"qkv_bias", "qkv_bias", "true"},
});

// Qwen3MoeConfig, which has no head_dim of its own: the model takes hidden_size over heads.
constexpr auto kQwen3Moe = std::to_array<PublishedKey>({
    {"decoder_sparse_step", "decoder_sparse_step", "1"},
    {"mlp_only_layers", "mlp_only_layers", ""},
    {"moe_intermediate_size", "moe_intermediate_size", "768"},
    {"n_routed_experts", "num_experts|num_local_experts", "128"},
    {"num_experts_per_tok", "num_experts_per_tok", "8"},
    {"norm_topk_prob", "norm_topk_prob", "false"},
    {"scoring_func", "", "softmax"},
    {"num_key_value_heads", "num_key_value_heads", "4"},
    {"head_dim", "head_dim", ""},
    {"sliding_window", "sliding_window", "4096", "use_sliding_window"},
    {"qkv_bias", "attention_bias", "false"},
    {"use_qk_norm", "", "true"},
});

// Qwen3Config.
constexpr auto kQwen3 = std::to_array<PublishedKey>({
    {"num_key_value_heads", "num_key_value_heads", "32"},
    {"head_dim", "head_dim", "128"},
    {"sliding_window", "sliding_window", "4096", "use_sliding_window"},
    {"qkv_bias", "attention_bias", "false"},
    {"use_qk_norm", "", "true"},
});

// GptOssConfig. Every layer is sparse and intermediate_size is one expert's width. The router takes
// the softmax of the kept scores, which is the softmax of all, normalised over the kept.
constexpr auto kGptOss = std::to_array<PublishedKey>({
    {"intermediate_size", "", ""},
    {"moe_intermediate_size", "intermediate_size", "2880"},
    {"n_routed_experts", "num_local_experts|num_experts", "128"},
    {"num_experts_per_tok", "num_experts_per_tok|experts_per_token", "4"},
    {"norm_topk_prob", "", "true"},
    {"scoring_func", "", "softmax"},
    {"num_key_value_heads", "num_key_value_heads", "8"},
    {"head_dim", "head_dim", "64"},
    {"attention_bias", "attention_bias", "true"},
    {"sliding_window", "sliding_window", "128"},
    {"rms_norm_eps", "rms_norm_eps", "1e-5"},
    {"rope_theta", "rope_theta|rope_parameters.rope_theta|rope_scaling.rope_theta", "150000"},
    {"qkv_bias", "attention_bias", "true"},
    {"attention_sinks", "", "true"},
    {"layer_types", "layer_types", ""},
    {"router_bias", "", "true"},
    {"expert_bias", "", "true"},
    {"swiglu_limit", "swiglu_limit", "7.0"},
});

// MiniMaxM2Config. Every layer is sparse and intermediate_size is one expert's width; the router
// scores by sigmoid and normalises (scoring_func is not in the class but in the published file).
constexpr auto kMiniMaxM2 = std::to_array<PublishedKey>({
    {"intermediate_size", "", ""},
    {"moe_intermediate_size", "intermediate_size", "1536"},
    {"n_routed_experts", "num_local_experts|num_experts", "256"},
    {"num_experts_per_tok", "num_experts_per_tok", "8"},
    {"routed_scaling_factor", "routed_scaling_factor", "1.0"},
    {"norm_topk_prob", "", "true"},
    {"scoring_func", "scoring_func", "sigmoid"},
    {"num_key_value_heads", "num_key_value_heads", "8"},
    {"head_dim", "head_dim", "128"},
    {"rope_theta", "rope_theta|rope_parameters.rope_theta|rope_scaling.rope_theta", "5000000"},
    {"topk_method", "", "noaux_tc"},
    {"use_qk_norm", "use_qk_norm", "true"},
    {"partial_rotary_factor", "partial_rotary_factor", "0.5"},
});

// Glm4MoeConfig. Its attention_bias is of query, key and value only.
constexpr auto kGlm4Moe = std::to_array<PublishedKey>({
    {"first_k_dense_replace", "first_k_dense_replace", "1"},
    {"moe_intermediate_size", "moe_intermediate_size", "1408"},
    {"n_routed_experts", "n_routed_experts|num_local_experts|num_experts", "128"},
    {"num_experts_per_tok", "num_experts_per_tok", "8"},
    {"n_shared_experts", "n_shared_experts", "1"},
    {"n_group", "n_group", "1"},
    {"topk_group", "topk_group", "1"},
    {"routed_scaling_factor", "routed_scaling_factor", "1.0"},
    {"norm_topk_prob", "norm_topk_prob", "true"},
    {"scoring_func", "", "sigmoid"},
    {"num_key_value_heads", "num_key_value_heads", "8"},
    {"head_dim", "head_dim", ""},
    {"rms_norm_eps", "rms_norm_eps", "1e-5"},
    {"topk_method", "topk_method", "noaux_tc"},
    {"qkv_bias", "attention_bias", "false"},
    {"use_qk_norm", "use_qk_norm", "false"},
    {"partial_rotary_factor", "partial_rotary_factor|rope_parameters.partial_rotary_factor", "0.5"},
});

// LlamaConfig.
constexpr auto kLlama = std::to_array<PublishedKey>({
    {"head_dim", "head_dim", ""},
    {"attention_bias", "attention_bias", "false"},
    {"qkv_bias", "attention_bias", "false"},
});

// MixtralConfig. Every layer is sparse and intermediate_size is one expert's width; the router
// normalises the kept weights.
constexpr auto kMixtral = std::to_array<PublishedKey>({
    {"intermediate_size", "", ""},
    {"moe_intermediate_size", "intermediate_size", "14336"},
    {"n_routed_experts", "num_local_experts|num_experts", "8"},
    {"num_experts_per_tok", "num_experts_per_tok", "2"},
    {"norm_topk_prob", "", "true"},
    {"scoring_func", "", "softmax"},
    {"num_key_value_heads", "num_key_value_heads", "8"},
    {"head_dim", "head_dim", ""},
    {"sliding_window", "sliding_window", ""},
    {"rms_norm_eps", "rms_norm_eps", "1e-5"},
    {"rope_theta", "rope_theta|rope_parameters.rope_theta|rope_scaling.rope_theta", "1000000"},
});

constexpr auto kModels = std::to_array<PublishedModel>({
    {"DeepseekV2ForCausalLM", true, kDeepseekV2},
    {"DeepseekV3ForCausalLM", true, kDeepseekV3},
    {"DeepseekV32ForCausalLM", true, kDeepseekV3},
    {"KimiK25ForConditionalGeneration", true, kDeepseekV3},
    {"GlmMoeDsaForCausalLM", true, kGlmMoeDsa},
    {"Qwen2MoeForCausalLM", false, kQwen2Moe},
    {"Qwen3MoeForCausalLM", false, kQwen3Moe},
    {"Qwen3ForCausalLM", false, kQwen3},
    {"GptOssForCausalLM", false, kGptOss},
    {"MiniMaxM2ForCausalLM", false, kMiniMaxM2},
    {"Glm4MoeForCausalLM", false, kGlm4Moe},
    {"LlamaForCausalLM", false, kLlama},
    {"MixtralForCausalLM", false, kMixtral},
});

}  // namespace

std::span<const PublishedKey> common_published_keys() { return kCommon; }

std::span<const PublishedModel> published_models() { return kModels; }

const PublishedModel* find_published_model(std::string_view architecture) {
  const auto found = std::ranges::find(kModels, architecture, &PublishedModel::architecture);
  return found == kModels.end() ? nullptr : &*found;
}

}  // namespace lockstep
