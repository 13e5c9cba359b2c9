// Which rows each part of a layer works on (reference sheet, section 2).
#pragma once

#include <cstdint>
#include <vector>

#include "sim/model/model.h"
#include "sim/parallel/parallel.h"

namespace lockstep::sglang {

// scattered: 1/attn_tp of the shard's rows; tp_attn_full: all rows of the shard; full: the rows of
// every shard.
enum class ScatterMode : std::uint8_t { scattered, tp_attn_full, full };

struct ScatterModes {
  ScatterMode input = ScatterMode::tp_attn_full;
  ScatterMode attention = ScatterMode::tp_attn_full;
  ScatterMode mlp = ScatterMode::full;
  ScatterMode middle_residual = ScatterMode::tp_attn_full;
  ScatterMode output = ScatterMode::tp_attn_full;
  bool operator==(const ScatterModes&) const = default;
};

// Ranks that share the rows of a mode: two modes of equal group size count as the same rows.
int group_size(ScatterMode mode, const Parallel& parallel);

// One entry per layer.
std::vector<ScatterModes> scatter_modes(const Model& model, const Parallel& parallel);

}  // namespace lockstep::sglang
