#include "backend/nccl/cuda_graph.h"

#include <exception>

#include "backend/nccl/cuda_error.h"

namespace lockstep::nccl {

Event make_event() {
  cudaEvent_t event = nullptr;
  check(cudaEventCreate(&event), "making an event");
  return Event(event);
}

double microseconds_between(const Event& start, const Event& end) {
  float milliseconds = 0;
  check(cudaEventElapsedTime(&milliseconds, start.get(), end.get()), "reading an event");
  return static_cast<double>(milliseconds) * 1000.0;
}

RunnableGraph captured(Device& device, const std::function<void()>& enqueue) {
  constexpr const char* kWhat = "capturing a CUDA graph";
  check(cudaStreamBeginCapture(device.stream(), cudaStreamCaptureModeRelaxed), kWhat);
  std::exception_ptr trouble;
  try {
    enqueue();
  } catch (const std::exception&) {
    trouble = std::current_exception();  // the capture must be ended all the same
  }
  cudaGraph_t made = nullptr;
  const cudaError_t ended = cudaStreamEndCapture(device.stream(), &made);
  const std::unique_ptr<CUgraph_st, DestroyInCuda> graph(made);
  if (trouble) {
    static_cast<void>(cudaGetLastError());  // of the capture, which the next kernel would be told
    std::rethrow_exception(trouble);
  }
  check(ended, kWhat);
  cudaGraphExec_t runnable = nullptr;
  check(cudaGraphInstantiate(&runnable, made, 0), "making a CUDA graph");
  return RunnableGraph(runnable);
}

}  // namespace lockstep::nccl
