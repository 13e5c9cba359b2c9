// Runs the plan of a rank again and again without an observer, and times it.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "backend/nccl/event_log.h"
#include "backend/nccl/launch/gpu_report.h"
#include "sim/plan/plan.h"

namespace lockstep::nccl {

struct TimedOptions {
  int warm_up = 2;      // runs of the whole plan that are not told
  int repetitions = 0;  // of each step; 0: nothing is timed
};

// What a rank does, for TimedRuns.
struct TimedRank {
  Device& device;
  int rank = 0;
  std::function<void(int operation, EventLog& log)> enqueue;
  std::function<void(int operation)> wait;  // for all that is enqueued; in bounded time
  std::function<void()> meet;               // until all ranks are here
};

class TimedRuns {
 public:
  // Both must outlive it.
  TimedRuns(const Plan& plan, const TimedRank& rank)
      : plan_(plan), rank_(rank), log_(rank.device) {}

  // Adds the runs to the report. All ranks call it.
  void run(const TimedOptions& options, GpuReport& report);

 private:
  std::vector<int> operations_of(int step) const;
  bool computes_on_host(const std::vector<int>& operations) const;
  void enqueue_all(const std::vector<int>& operations);
  TimedRun enqueued(int step, const std::vector<int>& operations);
  RunnableGraph graph_of(const std::vector<int>& operations);
  // Empty where the step cannot be captured; then the reason is in `why`.
  std::vector<TimedRun> as_graph(int step, const std::vector<int>& operations, int repetitions,
                                 std::string& why);

  const Plan& plan_;
  const TimedRank& rank_;
  EventLog log_;
};

}  // namespace lockstep::nccl
