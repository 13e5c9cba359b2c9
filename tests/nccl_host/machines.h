// Machines for tests.
#pragma once

#include "backend/nccl/launch/machine.h"

namespace lockstep::test {

// So many H200.
inline nccl::Machine machine_of(int gpus) {
  nccl::Machine machine;
  const nccl::Gpu h200{"NVIDIA H200", 150'109'880'320, 149'000'000'000, {9, 0}};
  machine.gpus.assign(static_cast<std::size_t>(gpus), h200);
  machine.driver_version = 13000;
  machine.runtime_version = 13000;
  machine.nccl_version = 22809;
  machine.mps_control = "/usr/bin/nvidia-cuda-mps-control";
  return machine;
}

}  // namespace lockstep::test
