#include "sim/cost/kernels/estimate.h"

#include "sim/cost/cost_model.h"
#include "sim/cost/kernels/tiles.h"

namespace lockstep {

std::string KernelEstimate::bound() const {
  if (floor_us > longer_us()) return "floor";
  return compute_us > memory_us ? "compute" : "memory";
}

namespace {

// Rounds over the rows, as many of them at a time as SMs hold.
double norm_us(double rows, double columns, const GpuConstants& gpu) {
  const NormConstants& norm = gpu.norm;
  return ceil_div(rows, gpu.sms * norm.rows_per_sm) *
         (norm.row_us + columns / 1024 * norm.columns_us);
}

}  // namespace

KernelEstimate estimate(const Elementwise& elementwise, const GpuConstants& gpu) {
  KernelEstimate out;
  out.bytes = static_cast<double>(elementwise.read_bytes + elementwise.written_bytes);
  if (out.bytes <= 0) return out;
  out.floor_us = gpu.elementwise.floor_us;
  out.memory_us = out.bytes / (peak_bytes_per_us(gpu) * gpu.elementwise.memory_efficiency);
  out.compute_us =
      norm_us(static_cast<double>(elementwise.rows), static_cast<double>(elementwise.columns), gpu);
  return out;
}

// A warp holds a row's scores and finds their largest `chosen` times; as many rows at a time as
// warps fit.
KernelEstimate estimate(const TopK& top_k, const GpuConstants& gpu) {
  KernelEstimate out;
  if (top_k.rows <= 0) return out;
  const auto rows = static_cast<double>(top_k.rows);
  const TopKConstants& constants = gpu.top_k;
  out.floor_us = constants.floor_us;
  out.compute_us =
      ceil_div(rows, gpu.sms * constants.rows_per_sm) * top_k.chosen * constants.pass_us;
  out.bytes = rows * (static_cast<double>(top_k.experts) * 4 + top_k.chosen * 8.0);
  out.memory_us = out.bytes / (peak_bytes_per_us(gpu) * gpu.elementwise.memory_efficiency);
  return out;
}

KernelEstimate kernel_estimate(const Kernel& kernel, const GpuConstants& gpu) {
  return std::visit([&](const auto& kind) { return estimate(kind, gpu); }, kernel);
}

Duration kernel_time(const Kernel& kernel, const GpuConstants& gpu) {
  return from_microseconds(kernel_estimate(kernel, gpu).total_us());
}

}  // namespace lockstep
