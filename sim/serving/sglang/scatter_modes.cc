#include "sim/serving/sglang/scatter_modes.h"

namespace lockstep::sglang {
namespace {

ScatterMode mlp_mode(bool sparse, const Parallel& parallel) {
  const bool scattered = sparse ? parallel.has_a2a() : parallel.dense_tp_1;
  return scattered ? ScatterMode::scattered : ScatterMode::full;
}

ScatterMode output_mode(ScatterMode mlp, bool last) {
  if (last) return ScatterMode::tp_attn_full;
  return mlp == ScatterMode::scattered ? ScatterMode::scattered : ScatterMode::tp_attn_full;
}

}  // namespace

int group_size(ScatterMode mode, const Parallel& parallel) {
  switch (mode) {
    case ScatterMode::scattered:
      return 1;
    case ScatterMode::tp_attn_full:
      return parallel.attn_tp;
    case ScatterMode::full:
      return parallel.tp;
  }
  return 0;
}

std::vector<ScatterModes> scatter_modes(const Model& model, const Parallel& parallel) {
  std::vector<ScatterModes> layers;
  for (int layer = 0; layer < model.num_hidden_layers; ++layer) {
    ScatterModes modes;
    if (layer > 0) modes.input = layers.back().output;
    modes.mlp = mlp_mode(model.is_sparse(layer), parallel);
    if (modes.mlp == ScatterMode::scattered) modes.middle_residual = ScatterMode::scattered;
    modes.output = output_mode(modes.mlp, layer + 1 == model.num_hidden_layers);
    layers.push_back(modes);
  }
  return layers;
}

}  // namespace lockstep::sglang
