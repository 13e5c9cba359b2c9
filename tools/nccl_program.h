// Replay and measuring on GPUs need the libraries of CUDA and NCCL, which take a tenth of a second
// to load. So they are in a program of their own, lockstep-nccl, which is this one with them;
// lockstep becomes it when it is asked for.
#pragma once

#include <span>

#include "backend/nccl/launch/gpu_replay.h"
#include "backend/nccl/launch/kernel_times.h"
#include "sim/base/error.h"
#include "sim/cost/kernel.h"
#include "sim/plan/plan.h"

namespace lockstep::tools {

using GpuReplay = nccl::GpuReplayOutcome (*)(const Plan& plan,
                                             const nccl::GpuReplayOptions& options);
// Of this program; null: it has none.
GpuReplay gpu_replay();

using KernelTimer = nccl::KernelTimes (*)(std::span<const Kernel> kernels);
// Likewise.
KernelTimer kernel_timer();

// Becomes the lockstep-nccl that stands beside this program, with the same arguments. Returns only
// where that is not possible, and says why.
Diagnostic become_nccl_program();

}  // namespace lockstep::tools
