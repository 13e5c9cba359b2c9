// What the figures of a model must satisfy together, and the widths that follow from them.
#pragma once

#include "sim/base/yaml.h"
#include "sim/model/model.h"
#include "sim/scenario/checker.h"

namespace lockstep {

// Multi-head latent attention: widths are kv_lora_rank, qk_*_head_dim and v_head_dim. Otherwise
// query, key and value have head_dim columns a head.
bool has_latent_attention(const Model& model);

// Faults of figures that contradict each other, at `value`.
void check_model(Checker& checker, const Node& value, const Model& model);

// As many key/value heads as heads if there is no number of them. Without latent attention:
// head_dim, if 0, is hidden_size / num_attention_heads, and v_head_dim is head_dim.
// REQUIRES: check_model found no fault.
Model with_derived_widths(Model model);

}  // namespace lockstep
