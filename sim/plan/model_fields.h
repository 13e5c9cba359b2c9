// The fields of a model with their config.json names: one list for everything that reads or writes
// them all.
#pragma once

#include "sim/model/model.h"

namespace lockstep {

// The fields that every plan has had from the start. They are always hashed.
template <class AnyModel, class Visit>
void visit_first_model_fields(AnyModel& m, Visit& visit) {
  visit("name", m.name);
  visit("architecture", m.architecture);
  visit("model_type", m.model_type);
  visit("num_hidden_layers", m.num_hidden_layers);
  visit("hidden_size", m.hidden_size);
  visit("first_k_dense_replace", m.first_k_dense_replace);
  visit("moe_layer_freq", m.moe_layer_freq);
  visit("intermediate_size", m.intermediate_size);
  visit("moe_intermediate_size", m.moe_intermediate_size);
  visit("n_routed_experts", m.n_routed_experts);
  visit("num_experts_per_tok", m.num_experts_per_tok);
  visit("n_shared_experts", m.n_shared_experts);
  visit("n_group", m.n_group);
  visit("topk_group", m.topk_group);
  visit("routed_scaling_factor", m.routed_scaling_factor);
  visit("norm_topk_prob", m.norm_topk_prob);
  visit("scoring_func", m.scoring_func);
  visit("num_attention_heads", m.num_attention_heads);
  visit("num_key_value_heads", m.num_key_value_heads);
  visit("q_lora_rank", m.q_lora_rank);
  visit("kv_lora_rank", m.kv_lora_rank);
  visit("qk_nope_head_dim", m.qk_nope_head_dim);
  visit("qk_rope_head_dim", m.qk_rope_head_dim);
  visit("v_head_dim", m.v_head_dim);
  visit("vocab_size", m.vocab_size);
  visit("max_position_embeddings", m.max_position_embeddings);
  visit("rms_norm_eps", m.rms_norm_eps);
  visit("rope_theta", m.rope_theta);
  visit("quantization", m.quantization);
}

// The fields that came later, as visit(name, pointer to the member). They are hashed only where
// they are set, so that a plan that has none of them keeps its hash.
template <class Visit>
void visit_later_model_members(Visit visit) {
  visit("decoder_sparse_step", &Model::decoder_sparse_step);
  visit("mlp_only_layers", &Model::mlp_only_layers);
  visit("shared_expert_intermediate_size", &Model::shared_expert_intermediate_size);
  visit("head_dim", &Model::head_dim);
  visit("attention_bias", &Model::attention_bias);
  visit("sliding_window", &Model::sliding_window);
  visit("layer_types", &Model::layer_types);
  visit("qkv_bias", &Model::qkv_bias);
  visit("use_qk_norm", &Model::use_qk_norm);
  visit("attention_sinks", &Model::attention_sinks);
  visit("partial_rotary_factor", &Model::partial_rotary_factor);
  visit("topk_method", &Model::topk_method);
  visit("router_bias", &Model::router_bias);
  visit("shared_expert_gate", &Model::shared_expert_gate);
  visit("expert_bias", &Model::expert_bias);
  visit("swiglu_limit", &Model::swiglu_limit);
}

// Calls visit(name, field) for every field. `AnyModel`: Model or const Model; fields are int,
// double, bool, std::string, std::vector<int> or std::vector<std::string>.
template <class AnyModel, class Visit>
void visit_model_fields(AnyModel& m, Visit visit) {
  visit_first_model_fields(m, visit);
  visit_later_model_members([&](const char* name, auto member) { visit(name, m.*member); });
}

// Likewise without the later fields that are not set.
template <class Visit>
void visit_set_model_fields(const Model& m, Visit visit) {
  visit_first_model_fields(m, visit);
  const Model usual;
  visit_later_model_members([&](const char* name, auto member) {
    if (m.*member != usual.*member) visit(name, m.*member);
  });
}

}  // namespace lockstep
