// What CUDA and NCCL say of this machine.
#pragma once

#include "backend/nccl/launch/machine.h"

namespace lockstep::nccl {

// What the kernels are built for at least (cmake/LockstepCuda.cmake): 90 is 9.0.
inline constexpr Capability kOldestCapability{LOCKSTEP_OLDEST_ARCHITECTURE / 10,
                                              LOCKSTEP_OLDEST_ARCHITECTURE % 10};

// Touches CUDA: to be called in a child (probed() of launch/probe.h). What fails is told as
// `trouble`. `path`: where nvidia-cuda-mps-control is looked for, as PATH has it.
Machine look_at_machine(const std::string& path);

}  // namespace lockstep::nccl
