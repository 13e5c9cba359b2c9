// The names of a model's weights, and the shapes that follow from the model.
#pragma once

#include <compare>
#include <cstdint>

#include "sim/model/model.h"

namespace lockstep::numeric {

// Written as rows x columns: x times the matrix. "heads" are query heads, "kv heads" key/value
// heads; a head's width is query_width for queries and keys and value_width for values.
enum class WeightKind : std::uint8_t {
  embedding,  // vocabulary x hidden
  norm,       // 1 x hidden; index: 0 before attention, 1 before feed-forward, 2 final
  query,      // hidden (MLA with q_lora_rank: that) x (heads * width)
  key,        // hidden x (kv heads * width); likewise value. Not with MLA
  value,
  attention_out,  // (heads * value width) x hidden
  dense_gate,     // hidden x intermediate; likewise up
  dense_up,
  dense_down,   // intermediate x hidden
  router,       // hidden x experts
  expert_gate,  // hidden x expert width; index: the expert; likewise up
  expert_up,
  expert_down,  // expert width x hidden
  shared_gate,  // hidden x (width of all shared experts); likewise up
  shared_up,
  shared_down,
  lm_head,         // hidden x vocabulary
  prefix_key,      // kPrefixPositions x what a cache keeps; index: the request. What the cache
  prefix_value,    // holds of tokens that no step of the plan has computed
  attention_bias,  // 1 x hidden, of the output projection
  projection,      // of a program's linear; index: the term, layer: the share. Weights::projection
  query_bias,      // 1 x (heads * width)
  key_bias,        // 1 x (kv heads * width); likewise value
  value_bias,
  query_norm,  // 1 x (heads * width): gains over all heads; by head, the first `width` of them
  key_norm,    // 1 x (kv heads * width)
  sink,        // 1 x heads
  query_down,  // MLA: hidden x q_lora_rank
  query_latent_norm,  // 1 x q_lora_rank
  latent_down,        // MLA: hidden x (kv_lora_rank + rotary width)
  latent_norm,        // 1 x kv_lora_rank
  latent_key,         // MLA: kv_lora_rank x (heads * width without position)
  latent_value,       // MLA: kv_lora_rank x (heads * value width)
  router_bias,        // 1 x experts, of the logits
  correction_bias,    // 1 x experts, of the choice alone
  expert_gate_bias,   // 1 x expert width; index: the expert; likewise up
  expert_up_bias,
  expert_down_bias,    // 1 x hidden
  shared_expert_gate,  // hidden x 1
};

struct WeightName {
  WeightKind kind = WeightKind::embedding;
  int layer = 0;
  std::int64_t index = 0;
  auto operator<=>(const WeightName&) const = default;
};

struct WeightShape {
  std::int64_t rows = 0;
  std::int64_t columns = 0;
  auto operator<=>(const WeightShape&) const = default;
};

// Cached positions that a request attends to, at most: enough to make the cache count.
inline constexpr std::int64_t kPrefixPositions = 8;

// Of a head: queries and keys, and values. With MLA qk_nope_head_dim + qk_rope_head_dim and
// v_head_dim; else both head_dim (or v_head_dim, or hidden_size / heads, where there is none).
std::int64_t query_width(const Model& model);
std::int64_t value_width(const Model& model);
// The part of a head that turns with the position: qk_rope_head_dim, or of the head as much as
// partial_rotary_factor says, rounded down to pairs.
std::int64_t rotary_width(const Model& model);
std::int64_t query_heads(const Model& model);
// num_key_value_heads if the query heads divide by it, else the query heads.
std::int64_t kv_heads(const Model& model);
std::int64_t attention_width(const Model& model);  // heads * value width
std::int64_t shared_width(const Model& model);     // of all shared experts together
std::int64_t vocabulary(const Model& model);       // padded to a multiple of 64

// REQUIRES: it is no projection.
WeightShape shape_of(const Model& model, WeightKind kind);

}  // namespace lockstep::numeric
