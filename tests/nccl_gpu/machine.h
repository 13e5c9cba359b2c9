// The machine that the tests run on.
#pragma once

#include "backend/nccl/cuda_machine.h"
#include "backend/nccl/launch/placement.h"
#include "backend/nccl/launch/probe.h"

namespace lockstep::test {

// Looked at once, in a child.
inline const nccl::Machine& this_machine() {
  static const nccl::Machine machine =
      nccl::probed([] { return nccl::look_at_machine(nccl::current_environment()["PATH"]); });
  return machine;
}

}  // namespace lockstep::test
