// CUDA graphs and events as values that destroy themselves.
#pragma once

#include <cuda_runtime_api.h>

#include <functional>
#include <memory>

#include "backend/nccl/device.h"

namespace lockstep::nccl {

struct DestroyInCuda {
  void operator()(cudaEvent_t event) const { static_cast<void>(cudaEventDestroy(event)); }
  void operator()(cudaGraph_t graph) const { static_cast<void>(cudaGraphDestroy(graph)); }
  void operator()(cudaGraphExec_t graph) const { static_cast<void>(cudaGraphExecDestroy(graph)); }
};
using Event = std::unique_ptr<CUevent_st, DestroyInCuda>;
using RunnableGraph = std::unique_ptr<CUgraphExec_st, DestroyInCuda>;

// All three throw CudaError.
Event make_event();
// From one event to a later one; both have happened.
double microseconds_between(const Event& start, const Event& end);

// What `enqueue` enqueues on the device's stream, as a graph; nothing of it runs. What `enqueue`
// throws is thrown on, behind the end of the capture.
RunnableGraph captured(Device& device, const std::function<void()>& enqueue);

}  // namespace lockstep::nccl
