// In which formats the weights and activations of a model are, by its `quantization`.
#pragma once

#include "sim/cost/kernel.h"
#include "sim/model/model.h"

namespace lockstep {

struct Format {
  Number activations = Number::bf16;
  Number weights = Number::bf16;
};

// Of the projections around the attention; of dense feed-forwards and shared experts that are not
// fused; of routed experts.
//   fp8     all of them, activations too (DeepSeek-V3's block-wise FP8)
//   int4    weights of routed experts; of every projection where there are none (Kimi K2.6 leaves
//           attention, shared experts and the dense layer in bf16)
//   nvfp4   feed-forwards, activations too (NVIDIA's FP4 checkpoints leave attention in bf16)
// Embedding, router and lm_head are bf16 everywhere.
Format attention_format(const Model& model);
Format dense_format(const Model& model);
Format experts_format(const Model& model);

}  // namespace lockstep
