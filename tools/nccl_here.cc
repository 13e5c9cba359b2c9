// lockstep-nccl: CUDA and NCCL are here.
#include "backend/nccl/measure_kernels.h"
#include "backend/nccl/replay.h"
#include "sim/base/require.h"
#include "tools/nccl_program.h"

namespace lockstep::tools {

GpuReplay gpu_replay() { return nccl::replay; }

KernelTimer kernel_timer() { return nccl::measure_kernels; }

Diagnostic become_nccl_program() { assertion_failed("this program has NCCL"); }

}  // namespace lockstep::tools
