#include "backend/nccl/kernel_timer.h"

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include "backend/nccl/cuda_error.h"
#include "backend/nccl/cuda_graph.h"

namespace lockstep::nccl {
namespace {

constexpr int kRepetitions = 25;
constexpr int kWarmRuns = 3;           // of the graph, that are not told
constexpr double kRunUs = 2000;        // of a graph, about: its launch is a few of them
constexpr double kLongestRunUs = 2e4;  // beyond which fewer copies are used
constexpr int kMostExecutions = 256;

Event recorded(Device& device) {
  Event made = make_event();
  check(cudaEventRecord(made.get(), device.stream()), "recording an event");
  return made;
}

// Once on every copy; the microseconds of one.
double pass(Device& device, int copies, const std::function<void(int)>& enqueue) {
  const Event start = recorded(device);
  for (int i = 0; i < copies; ++i) enqueue(i);
  const Event end = recorded(device);
  device.synchronize();
  return microseconds_between(start, end) / copies;
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
  const RunnableGraph graph = captured(device, [&] {
    for (int i = 0; i < executions; ++i) enqueue(i % used);
  });
  std::vector<std::pair<Event, Event>> runs;
  for (int i = -kWarmRuns; i < kRepetitions; ++i) {
    Event start = recorded(device);
    check(cudaGraphLaunch(graph.get(), device.stream()), "running a CUDA graph");
    Event end = recorded(device);
    if (i >= 0) runs.emplace_back(std::move(start), std::move(end));
  }
  device.synchronize();
  std::vector<double> times;
  for (const auto& [start, end] : runs)
    times.push_back(microseconds_between(start, end) / executions);
  return spread_of(std::move(times));
}

}  // namespace lockstep::nccl
