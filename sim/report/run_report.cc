#include "sim/report/run_report.h"

namespace lockstep {

void run_plan(RunOfPlan& run, const CostModel& cost, const TimelineOptions& options) {
  run.fidelity = options.fidelity;
  run.timed = timed_program(run.plan, cost, run.hardware, options);
  if (!run.timed.refused.empty()) return;
  run.timeline = lockstep::run(run.timed.program);
  if (run.timeline.stuck) return;
  run.breakdown = breakdown(run.plan, run.timed, run.timeline);
  run.chain = critical_path(run.timed, run.timeline);
}

}  // namespace lockstep
