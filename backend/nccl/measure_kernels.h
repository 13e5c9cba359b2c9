// Measures kernels of the cost models on a GPU, as the replay runs them.
#pragma once

#include <span>

#include "backend/nccl/launch/kernel_times.h"
#include "sim/cost/kernel.h"

namespace lockstep::nccl {

// On the first GPU. REQUIRES: CUDA has not been touched in this process.
KernelTimes measure_kernels(std::span<const Kernel> kernels);

}  // namespace lockstep::nccl
