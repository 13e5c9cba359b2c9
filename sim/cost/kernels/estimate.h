// What a kernel takes, and why: the parts of its roofline.
#pragma once

#include <string>

#include "sim/base/time.h"
#include "sim/cost/gpu_constants.h"
#include "sim/cost/kernel.h"

namespace lockstep {

// Times in microseconds. total = floor + the longer of arithmetic and memory.
struct KernelEstimate {
  double floor_us = 0;
  double compute_us = 0;  // arithmetic, of the tiles that are computed
  double memory_us = 0;   // bytes to and from memory
  double flops = 0;       // that are asked for, padding left out
  double bytes = 0;

  double longer_us() const { return compute_us > memory_us ? compute_us : memory_us; }
  double total_us() const { return floor_us + longer_us(); }
  // "compute", "memory", or "floor" where that is more than half of the time.
  std::string bound() const;
  double tflops() const { return total_us() > 0 ? flops / total_us() / 1e6 : 0; }
  double gigabytes_per_s() const { return total_us() > 0 ? bytes / total_us() / 1e3 : 0; }
};

// REQUIRES: no negative size. A kernel without work takes no time.
KernelEstimate kernel_estimate(const Kernel& kernel, const GpuConstants& gpu);

// One of each kind, in its own file.
KernelEstimate estimate(const Gemm& gemm, const GpuConstants& gpu);
KernelEstimate estimate(const ExpertsGemm& experts, const GpuConstants& gpu);
KernelEstimate estimate(const Attention& attention, const GpuConstants& gpu);
KernelEstimate estimate(const Elementwise& elementwise, const GpuConstants& gpu);
KernelEstimate estimate(const TopK& top_k, const GpuConstants& gpu);

}  // namespace lockstep
