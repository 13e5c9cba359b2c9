// How a table of constants says where each lives: a path of member pointers.
#pragma once

#include "sim/cost/hardware.h"

namespace lockstep {

// `&member<&Hardware::gpu, &GpuConstants::sms>` is what HardwareField::of of "gpu.sms" points at.
template <auto... Members>
double& member(Hardware& hardware) {
  return (hardware.*....*Members);
}

}  // namespace lockstep
