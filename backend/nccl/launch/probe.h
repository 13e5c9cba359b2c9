// Looks at the machine's GPUs in a child, which may crash or hang with its driver.
#pragma once

#include <chrono>
#include <functional>

#include "backend/nccl/launch/machine.h"

namespace lockstep::nccl {

// What `look` returns in a child of this process. Never fails: a child that crashes, throws, or is
// not done within `limit` (it is killed then) makes a Machine of nothing but `trouble`.
// REQUIRES: one thread; CUDA has not been touched in this process.
Machine probed(const std::function<Machine()>& look,
               std::chrono::milliseconds limit = std::chrono::seconds(30));

}  // namespace lockstep::nccl
