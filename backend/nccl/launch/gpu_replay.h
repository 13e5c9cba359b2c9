// What a replay on GPUs is asked, and what comes of it. The replay itself: backend/nccl/replay.h.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "backend/nccl/launch/gpu_report.h"
#include "backend/nccl/launch/placement.h"
#include "backend/process/replay.h"
#include "sim/base/error.h"

namespace lockstep::nccl {

struct GpuReplayOptions {
  process::ReplayOptions process;  // whose `backend` is ours
  bool keeps_weights = true;       // else they are drawn whenever they are needed
  int repetitions = 0;             // of timed runs after the one that is judged; 0: none
  // Told before anything starts: who runs where, and the memory that each GPU needs. May be empty.
  std::function<void(const std::string& line)> tell;
};

struct GpuReplayOutcome {
  // Why nothing was started: no GPU, too little memory.
  std::optional<Diagnostic> refused;
  process::ReplayOutcome replay;
  std::string machine;  // "1 NVIDIA H200 (139.8 GiB), CUDA 13.0, NCCL 2.28.9"
  Sharing sharing = Sharing::none;
  std::string placement;            // one sentence: who runs where, and what its times are worth
  std::vector<std::string> memory;  // what is needed, a line for each GPU
  std::vector<GpuReport> reports;   // by rank; none of a replay that stopped
  std::string call_difference;      // the first between calls and plan; empty: none
};

}  // namespace lockstep::nccl
