// How long one execution of something on a GPU takes, among many of it.
#pragma once

#include <cstdint>
#include <functional>

#include "backend/nccl/device.h"
#include "backend/nccl/launch/measured.h"

namespace lockstep::nccl {

// Copies of inputs of `bytes` each, so that an execution finds nothing in the cache that the last
// ones left there: together more than twice a cache of 60 MB. At most 256.
int cold_copies(double bytes);

// `enqueue(i)` executes it on copy i of its inputs. After warm-up executions follow one another in
// a CUDA graph, on one copy after the other; the graph runs 25 times, and nothing waits in between.
// Median and quartiles over the runs, of a run's time by its executions. Inputs that take long for
// their size are not all used: such a kernel does not wait for memory.
// REQUIRES: what enqueue() needs from the host it needs the first time only.
Spread time_of(Device& device, int copies, const std::function<void(int copy)>& enqueue);

}  // namespace lockstep::nccl
