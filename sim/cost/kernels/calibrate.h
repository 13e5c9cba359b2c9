// Fits the constants of kernels to kernels that were measured: `lockstep kernel --measure`.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "sim/base/error.h"
#include "sim/cost/hardware.h"
#include "sim/cost/kernel.h"

namespace lockstep {

struct MeasuredKernel {
  Kernel kernel;
  double median_us = 0;
  double low_us = 0;  // quartiles
  double high_us = 0;
};

// "gemm", "experts", "prefill", "latent_prefill", "decode" or "elementwise"; empty: no constant of
// it is fitted, as of formats that the replay does not compute in.
std::string fitted_kind(const Kernel& kernel);

struct FittedConstant {
  std::string path;  // "gpu.gemm.bf16.efficiency"
  double before = 0;
  double after = 0;
};

// Errors are |predicted / measured - 1|.
struct KindError {
  std::string kind;
  int rows = 0;
  double spread = 0;  // of the measurements: median of (high - low) / median
  double median_before = 0;
  double median_after = 0;
  double worst_after = 0;
};

struct KernelCalibration {
  Hardware hardware;
  std::vector<FittedConstant> fitted;
  std::vector<KindError> kinds;  // in the order of fitted_kind()'s names
  int left_out = 0;              // rows of which no constant is fitted
};

// The constants of efficiency, memory, floors and waves of the kinds that were measured, each
// within the range of its field; those on which no row depends stay. Products, experts and
// elementwise are fitted apart, all attention together: one kernel computes it, which cuts its work
// as the replay's does. Faults: no row of a fitted kind; fewer than two rows a constant. A row that
// is predicted at half of its time counts as one that is predicted at its double; large errors
// count with their size, not its square. Deterministic.
// REQUIRES: every median_us > 0.
Result<KernelCalibration> calibrate_kernels(std::span<const MeasuredKernel> rows,
                                            const Hardware& base);

}  // namespace lockstep
