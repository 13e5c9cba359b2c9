#include "backend/nccl/timed_runs.h"

#include <algorithm>
#include <utility>

#include "backend/nccl/cuda_error.h"
#include "backend/numeric/interpreter.h"
#include "backend/numeric/program.h"

namespace lockstep::nccl {

std::vector<int> TimedRuns::operations_of(int step) const {
  std::vector<int> operations;
  const auto count = static_cast<int>(plan_.operations.size());
  for (int i = numeric::next_operation(plan_, rank_.rank, -1); i < count;
       i = numeric::next_operation(plan_, rank_.rank, i)) {
    const Operation& op = plan_.operations[static_cast<std::size_t>(i)];
    if (op.site.step == step && op.kind != OpKind::require) operations.push_back(i);
  }
  return operations;
}

void TimedRuns::enqueue_all(const std::vector<int>& operations) {
  for (const int operation : operations) rank_.enqueue(operation, log_);
}

TimedRun TimedRuns::enqueued(int step, const std::vector<int>& operations) {
  rank_.meet();
  log_.begin();
  enqueue_all(operations);
  if (!operations.empty()) rank_.wait(operations.back());
  return {step, false, log_.times()};
}

bool TimedRuns::computes_on_host(const std::vector<int>& operations) const {
  return std::ranges::any_of(operations, [this](int i) {
    return numeric::is_of_program(plan_.operations[static_cast<std::size_t>(i)].kind);
  });
}

RunnableGraph TimedRuns::graph_of(const std::vector<int>& operations) {
  log_.begin();
  log_.set_captured(true);
  RunnableGraph graph = captured(rank_.device, [&] { enqueue_all(operations); });
  log_.set_captured(false);
  return graph;
}

std::vector<TimedRun> TimedRuns::as_graph(int step, const std::vector<int>& operations,
                                          int repetitions, std::string& why) {
  rank_.meet();
  if (computes_on_host(operations)) {
    why = "a program's own functions are computed on the host";
    return {};
  }
  RunnableGraph graph;
  try {
    graph = graph_of(operations);
  } catch (const CudaError& error) {
    log_.set_captured(false);
    why = error.what();
    return {};
  }
  std::vector<TimedRun> runs;
  for (int i = -1; i < repetitions; ++i) {  // the first uploads the graph, and is not told
    rank_.meet();
    log_.note_idle();
    check(cudaGraphLaunch(graph.get(), rank_.device.stream()), "running a CUDA graph");
    if (!operations.empty()) rank_.wait(operations.back());
    if (i >= 0) runs.push_back({step, true, log_.times()});
  }
  return runs;
}

void TimedRuns::run(const TimedOptions& options, GpuReport& report) {
  if (options.repetitions == 0) return;
  const auto steps = static_cast<int>(std::max<std::size_t>(plan_.steps.size(), 1));
  for (int i = 0; i < options.warm_up; ++i) {
    for (int step = 0; step < steps; ++step) enqueued(step, operations_of(step));
  }
  for (int step = 0; step < steps; ++step) {
    const std::vector<int> operations = operations_of(step);
    const bool is_graph = std::cmp_less(step, plan_.steps.size()) &&
                          plan_.steps[static_cast<std::size_t>(step)].cuda_graph;
    std::vector<TimedRun> runs;
    if (is_graph) {
      runs = as_graph(step, operations, options.repetitions, report.note);
    }
    if (runs.empty()) {
      // Ranks that have a graph run it once more than they tell.
      if (is_graph) enqueued(step, operations);
      for (int i = 0; i < options.repetitions; ++i) runs.push_back(enqueued(step, operations));
    }
    std::ranges::move(runs, std::back_inserter(report.runs));
  }
}

}  // namespace lockstep::nccl
