// The experts of one rank as two grouped products (gate and up together, then down). Each expert
// that is hit reads its weights once and pads its rows to whole tiles; the tiles of all experts run
// in waves over the SMs. The tile's height follows the rows of an expert, as the libraries choose.
#include <algorithm>

#include "sim/cost/kernels/estimate.h"
#include "sim/cost/kernels/tiles.h"

namespace lockstep {
namespace {

constexpr double kTileRows[] = {16, 64, 128};
constexpr double kTileColumns = 128;
// Expected numbers of experts and rows are a hair off whole ones; that must not cost a tile.
constexpr double kHair = 1e-9;

const TileConstants& constants_of(const ExpertsGemm& experts, Arithmetic arithmetic,
                                  const GpuConstants& gpu) {
  if (arithmetic == Arithmetic::fp4) return gpu.experts_fp4;
  if (arithmetic == Arithmetic::fp8) return gpu.experts_fp8;
  return bytes_of(experts.weights) < 1 ? gpu.experts_int4 : gpu.experts_bf16;
}

}  // namespace

KernelEstimate estimate(const ExpertsGemm& experts, const GpuConstants& gpu) {
  // Each expert that is hit has a row at least, also where fewer than one are expected in all.
  const double rows = std::max(static_cast<double>(experts.rows), experts.experts_hit);
  const auto hidden = static_cast<double>(experts.hidden);
  const auto inter = static_cast<double>(experts.inter);
  KernelEstimate best;
  if (rows <= 0 || experts.experts_hit <= 0) return best;
  const Arithmetic arithmetic = arithmetic_of(experts.activations, experts.weights, gpu);
  const TileConstants& constants = constants_of(experts, arithmetic, gpu);
  const double of_one_sm = peak_flops_per_us(arithmetic, gpu) * constants.efficiency / gpu.sms;
  for (const double tile_rows : kTileRows) {
    KernelEstimate tried;
    tried.floor_us = constants.floor_us;
    tried.flops = 2 * rows * 3 * hidden * inter;
    tried.bytes = experts.experts_hit * 3 * hidden * inter * stored_bytes_of(experts.weights) +
                  rows * (2 * hidden + 3 * inter) * 2;
    const double row_tiles =
        experts.experts_hit * ceil_div(rows / experts.experts_hit * (1 - kHair), tile_rows);
    const auto product = [&](double columns, double inner) {
      const double waves = ceil_div(row_tiles * ceil_div(columns, kTileColumns), gpu.sms);
      return waves * (2 * tile_rows * kTileColumns * inner / of_one_sm + constants.wave_us);
    };
    tried.compute_us = product(2 * inter, hidden) + product(hidden, inter);
    tried.memory_us = tried.bytes / (peak_bytes_per_us(gpu) * constants.memory_efficiency);
    const bool first = best.flops <= 0;
    if (first || tried.total_us() < best.total_us()) best = tried;
  }
  return best;
}

}  // namespace lockstep
