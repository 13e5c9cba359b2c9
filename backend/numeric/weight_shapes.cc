#include "backend/numeric/weight_shapes.h"

#include <algorithm>

namespace lockstep::numeric {
namespace {

std::int64_t head_width(const Model& model) {
  if (model.head_dim > 0) return model.head_dim;
  if (model.v_head_dim > 0) return model.v_head_dim;
  return std::max(1, model.hidden_size / std::max(1, model.num_attention_heads));
}

WeightShape shape_of_latent(const Model& m, WeightKind kind) {
  switch (kind) {
    case WeightKind::query_down:
      return {m.hidden_size, m.q_lora_rank};
    case WeightKind::query_latent_norm:
      return {1, m.q_lora_rank};
    case WeightKind::latent_down:
      return {m.hidden_size, m.kv_lora_rank + rotary_width(m)};
    case WeightKind::latent_norm:
      return {1, m.kv_lora_rank};
    case WeightKind::latent_key:
      return {m.kv_lora_rank, query_heads(m) * m.qk_nope_head_dim};
    case WeightKind::latent_value:
      return {m.kv_lora_rank, attention_width(m)};
    default:
      return {};
  }
}

// What a cache keeps of a token, in two parts.
std::int64_t cached_key_width(const Model& m) {
  return m.is_latent() ? rotary_width(m) : kv_heads(m) * query_width(m);
}
std::int64_t cached_value_width(const Model& m) {
  return m.is_latent() ? m.kv_lora_rank : kv_heads(m) * value_width(m);
}

WeightShape shape_of_attention(const Model& m, WeightKind kind) {
  const std::int64_t queries = query_heads(m) * query_width(m);
  const std::int64_t keys = kv_heads(m) * query_width(m);
  switch (kind) {
    case WeightKind::query:
      return {m.is_latent() && m.q_lora_rank > 0 ? m.q_lora_rank : m.hidden_size, queries};
    case WeightKind::key:
      return {m.hidden_size, keys};
    case WeightKind::value:
      return {m.hidden_size, kv_heads(m) * value_width(m)};
    case WeightKind::attention_out:
      return {attention_width(m), m.hidden_size};
    case WeightKind::query_bias:
    case WeightKind::query_norm:
      return {1, queries};
    case WeightKind::key_bias:
    case WeightKind::key_norm:
      return {1, keys};
    case WeightKind::value_bias:
      return {1, kv_heads(m) * value_width(m)};
    case WeightKind::sink:
      return {1, query_heads(m)};
    case WeightKind::prefix_key:
      return {kPrefixPositions, cached_key_width(m)};
    case WeightKind::prefix_value:
      return {kPrefixPositions, cached_value_width(m)};
    default:
      return shape_of_latent(m, kind);
  }
}

WeightShape shape_of_experts(const Model& m, WeightKind kind) {
  const std::int64_t hidden = m.hidden_size;
  switch (kind) {
    case WeightKind::router:
      return {hidden, m.n_routed_experts};
    case WeightKind::router_bias:
    case WeightKind::correction_bias:
      return {1, m.n_routed_experts};
    case WeightKind::expert_gate:
    case WeightKind::expert_up:
      return {hidden, m.moe_intermediate_size};
    case WeightKind::expert_down:
      return {m.moe_intermediate_size, hidden};
    case WeightKind::expert_gate_bias:
    case WeightKind::expert_up_bias:
      return {1, m.moe_intermediate_size};
    case WeightKind::shared_gate:
    case WeightKind::shared_up:
      return {hidden, shared_width(m)};
    case WeightKind::shared_down:
      return {shared_width(m), hidden};
    case WeightKind::shared_expert_gate:
      return {hidden, 1};
    default:
      return shape_of_attention(m, kind);
  }
}

}  // namespace

std::int64_t query_width(const Model& model) {
  return model.is_latent() ? model.qk_nope_head_dim + model.qk_rope_head_dim : head_width(model);
}

std::int64_t value_width(const Model& model) {
  return model.is_latent() ? model.v_head_dim : head_width(model);
}

std::int64_t rotary_width(const Model& model) {
  if (model.is_latent()) return model.qk_rope_head_dim;
  const double part = model.partial_rotary_factor * static_cast<double>(head_width(model));
  return static_cast<std::int64_t>(part) / 2 * 2;
}

std::int64_t query_heads(const Model& model) { return std::max(0, model.num_attention_heads); }

std::int64_t kv_heads(const Model& model) {
  const int kv = model.num_key_value_heads;
  const bool divides = kv > 0 && model.num_attention_heads % kv == 0;
  return divides ? kv : query_heads(model);
}

std::int64_t attention_width(const Model& model) { return query_heads(model) * value_width(model); }

std::int64_t shared_width(const Model& model) {
  if (model.shared_expert_intermediate_size > 0) return model.shared_expert_intermediate_size;
  return std::int64_t{model.n_shared_experts} * model.moe_intermediate_size;
}

std::int64_t vocabulary(const Model& model) {
  constexpr std::int64_t kPadding = 64;
  return (std::int64_t{model.vocab_size} + kPadding - 1) / kPadding * kPadding;
}

WeightShape shape_of(const Model& m, WeightKind kind) {
  const std::int64_t hidden = m.hidden_size;
  switch (kind) {
    case WeightKind::embedding:
      return {vocabulary(m), hidden};
    case WeightKind::lm_head:
      return {hidden, vocabulary(m)};
    case WeightKind::norm:
    case WeightKind::attention_bias:
    case WeightKind::expert_down_bias:
      return {1, hidden};
    case WeightKind::dense_gate:
    case WeightKind::dense_up:
      return {hidden, m.intermediate_size};
    case WeightKind::dense_down:
      return {m.intermediate_size, hidden};
    default:
      return shape_of_experts(m, kind);
  }
}

}  // namespace lockstep::numeric
