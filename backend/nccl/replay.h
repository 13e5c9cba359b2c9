// The replay on GPUs: one process per rank as in backend/process, with NCCL for every collective
// and the GPU for every local operation. The observer judges it exactly as it judges the others.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "backend/nccl/gpu_report.h"
#include "backend/process/replay.h"
#include "sim/plan/plan.h"

namespace lockstep::nccl {

struct GpuReplayOptions {
  process::ReplayOptions process;  // `backend` is ours
  bool draws_weights = false;      // draw weights when they are needed instead of keeping them
};

struct GpuReplayOutcome {
  process::ReplayOutcome replay;
  // Why nothing was started, for the person who asked: no GPU, too little memory.
  std::string refused;
  std::string placement;           // one sentence: who runs where, and what the times are worth
  std::vector<GpuReport> reports;  // by rank
  std::string call_difference;     // where a rank called something else than the plan says
};

// REQUIRES: validate(plan) is empty; one thread; CUDA has not been touched in this process, and is
// not by this call: it would be lost to the processes that are forked.
GpuReplayOutcome replay(const Plan& plan, const GpuReplayOptions& options);

}  // namespace lockstep::nccl
