#include "backend/nccl/kernel_timer.h"

#include <cuda_runtime_api.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <utility>
#include <vector>

#include "backend/nccl/cuda_error.h"

namespace lockstep::nccl {
namespace {

constexpr int kRepetitions = 25;
constexpr int kWarmRuns = 3;           // of the graph, that are not told
constexpr double kRunUs = 2000;        // of a graph, about: its launch is a few of them
constexpr double kLongestRunUs = 2e4;  // beyond which fewer copies are used
constexpr int kMostExecutions = 256;

struct Destroy {
  void operator()(cudaGraph_t graph) const { static_cast<void>(cudaGraphDestroy(graph)); }
  void operator()(cudaGraphExec_t graph) const { static_cast<void>(cudaGraphExecDestroy(graph)); }
  void operator()(cudaEvent_t event) const { static_cast<void>(cudaEventDestroy(event)); }
};
using Graph = std::unique_ptr<CUgraph_st, Destroy>;
using RunnableGraph = std::unique_ptr<CUgraphExec_st, Destroy>;
using Event = std::unique_ptr<CUevent_st, Destroy>;

Event recorded(Device& device) {
  cudaEvent_t event = nullptr;
  check(cudaEventCreate(&event), "making an event");
  Event made(event);
  check(cudaEventRecord(event, device.stream()), "recording an event");
  return made;
}

double microseconds(const Event& start, const Event& end) {
  float milliseconds = 0;
  check(cudaEventElapsedTime(&milliseconds, start.get(), end.get()), "reading an event");
  return static_cast<double>(milliseconds) * 1000.0;
}

// Once on every copy; the microseconds of one.
double pass(Device& device, int copies, const std::function<void(int)>& enqueue) {
  const Event start = recorded(device);
  for (int i = 0; i < copies; ++i) enqueue(i);
  const Event end = recorded(device);
  device.synchronize();
  return microseconds(start, end) / copies;
}

RunnableGraph graph_of(Device& device, int executions, int copies,
                       const std::function<void(int)>& enqueue) {
  check(cudaStreamBeginCapture(device.stream(), cudaStreamCaptureModeRelaxed),
        "capturing a CUDA graph");
  std::exception_ptr trouble;
  try {
    for (int i = 0; i < executions; ++i) enqueue(i % copies);
  } catch (const std::exception&) {
    trouble = std::current_exception();  // the capture must be ended all the same
  }
  cudaGraph_t captured = nullptr;
  const cudaError_t ended = cudaStreamEndCapture(device.stream(), &captured);
  const Graph graph(captured);
  if (trouble) std::rethrow_exception(trouble);
  check(ended, "capturing a CUDA graph");
  cudaGraphExec_t made = nullptr;
  check(cudaGraphInstantiate(&made, captured, 0), "making a CUDA graph");
  return RunnableGraph(made);
}

}  // namespace

int cold_copies(double bytes) {
  constexpr double kTogether = 128e6;
  constexpr double kMostCopies = 256;
  return static_cast<int>(
      std::clamp(std::ceil(kTogether / std::max(bytes, 1.0)), 1.0, kMostCopies));
}

Spread time_of(Device& device, int copies, const std::function<void(int copy)>& enqueue) {
  pass(device, copies, enqueue);
  const double once = std::max(pass(device, copies, enqueue), 0.5);
  const int used = static_cast<int>(std::clamp(kLongestRunUs / once, 1.0, double(copies)));
  const int wanted = static_cast<int>(std::clamp(kRunUs / once, 4.0, double(kMostExecutions)));
  const int executions = std::max(used, wanted);
  const RunnableGraph graph = graph_of(device, executions, used, enqueue);
  std::vector<std::pair<Event, Event>> runs;
  for (int i = -kWarmRuns; i < kRepetitions; ++i) {
    Event start = recorded(device);
    check(cudaGraphLaunch(graph.get(), device.stream()), "running a CUDA graph");
    Event end = recorded(device);
    if (i >= 0) runs.emplace_back(std::move(start), std::move(end));
  }
  device.synchronize();
  std::vector<double> times;
  for (const auto& [start, end] : runs) times.push_back(microseconds(start, end) / executions);
  return spread_of(std::move(times));
}

}  // namespace lockstep::nccl
