// The replay on GPUs: one process per rank as in backend/process, with NCCL for every collective
// and the GPU for every local operation. The observer judges it exactly as it judges the others.
#pragma once

#include "backend/nccl/launch/gpu_replay.h"
#include "sim/plan/plan.h"

namespace lockstep::nccl {

// REQUIRES: validate(plan) is empty; one thread; CUDA has not been touched in this process. It is
// not by this call either: that would be lost to the processes that are forked.
GpuReplayOutcome replay(const Plan& plan, const GpuReplayOptions& options);

}  // namespace lockstep::nccl
