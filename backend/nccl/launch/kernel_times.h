// What kernels take on a GPU of this machine: the question and the answer, without CUDA. Who
// measures: backend/nccl/measure_kernels.h.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "backend/nccl/launch/measured.h"
#include "sim/base/error.h"

namespace lockstep::nccl {

struct KernelTime {
  std::optional<Spread> time;  // of one execution among many, one right after the other
  std::string why_not;         // where there is no time: "no fp8 here"
};

struct KernelTimes {
  std::optional<Diagnostic> refused;  // why nothing was measured: no GPU
  std::string machine;                // "1 NVIDIA H200 (139.8 GiB), CUDA 13.0, NCCL 2.28.9"
  std::vector<KernelTime> kernels;    // one for each that was asked for
};

}  // namespace lockstep::nccl
