// Kernels of the cost models as what the replay enqueues for them, on drawn weights and inputs.
#pragma once

#include <functional>
#include <string>

#include "backend/nccl/device.h"
#include "sim/cost/kernel.h"

namespace lockstep::nccl {

// A kernel on `copies` sets of inputs, which it owns.
struct KernelRun {
  std::function<void(int copy)> enqueue;  // empty: there is none
  int copies = 0;
  std::string why_not;
};

// A product is multiply(). Experts are DeviceArithmetic::experts(), from the gather of rows to the
// weighted sum; as many are hit as the shape expects, with equal rows. Attention is
// DeviceArithmetic::mixed() of one request after another; latent prefill has its keys and values
// for each head. Elementwise is the norm of rows. Throws OutOfMemory and CudaError.
KernelRun kernel_run(const Kernel& kernel, Device& device);

}  // namespace lockstep::nccl
