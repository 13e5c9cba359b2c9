// A dense product. A tile of tm x 128 results is computed by one SM; all tiles run in waves of as
// many as there are SMs, and the last wave takes as long as a full one. Where tiles are few, the
// inner dimension is split over more SMs and the partial sums are written and read in fp32. The
// library takes the tile and the split that are fastest; so does the model.
#include "sim/cost/kernels/estimate.h"
#include "sim/cost/kernels/tiles.h"

namespace lockstep {
namespace {

constexpr double kTileRows[] = {64, 128};
constexpr double kTileColumns = 128;
constexpr double kSplits[] = {1, 2, 4, 8};

const TileConstants& constants_of(Arithmetic arithmetic, const GpuConstants& gpu) {
  if (arithmetic == Arithmetic::fp4) return gpu.gemm_fp4;
  return arithmetic == Arithmetic::fp8 ? gpu.gemm_fp8 : gpu.gemm_bf16;
}

}  // namespace

KernelEstimate estimate(const Gemm& gemm, const GpuConstants& gpu) {
  const auto m = static_cast<double>(gemm.m);
  const auto n = static_cast<double>(gemm.n);
  const auto k = static_cast<double>(gemm.k);
  const double products = gemm.batch;
  KernelEstimate best;
  if (m * n * k * products <= 0) return best;
  const Arithmetic arithmetic = arithmetic_of(gemm.activations, gemm.weights, gpu);
  const TileConstants& constants = constants_of(arithmetic, gpu);
  const double of_one_sm = peak_flops_per_us(arithmetic, gpu) * constants.efficiency / gpu.sms;
  const double of_memory = peak_bytes_per_us(gpu) * constants.memory_efficiency;
  const double bytes = products * (n * k * stored_bytes_of(gemm.weights) +
                                   m * k * stored_bytes_of(gemm.activations) + m * n * 2);
  for (const double rows : kTileRows) {
    const double tiles = ceil_div(m, rows) * ceil_div(n, kTileColumns) * products;
    for (const double splits : kSplits) {
      KernelEstimate tried;
      tried.floor_us = constants.floor_us;
      tried.flops = 2 * m * n * k * products;
      tried.bytes = bytes + (splits > 1 ? 2 * splits * m * n * products * 4 : 0);
      const double of_a_tile = 2 * rows * kTileColumns * k / splits / of_one_sm;
      tried.compute_us = ceil_div(tiles * splits, gpu.sms) * (of_a_tile + constants.wave_us);
      tried.memory_us = tried.bytes / of_memory;
      const bool first = best.flops <= 0;
      if (first || tried.total_us() < best.total_us()) best = tried;
    }
  }
  best.bytes = bytes;
  return best;
}

}  // namespace lockstep
