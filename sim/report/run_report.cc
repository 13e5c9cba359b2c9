#include "sim/report/run_report.h"

#include <utility>

#include "sim/base/text.h"
#include "sim/cost/timeline/nodes.h"

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

Result<RunOfPlan> run_on(std::string scenario, Plan plan, const Hardware& hardware,
                         std::optional<int> nodes, const TimelineOptions& options) {
  if (!plan.unknown.empty()) {
    return Diagnostic{{},
                      "",
                      scenario + ": what is done is not known: " + join(plan.unknown, "; "),
                      "",
                      "nothing can be timed; lockstep check says unknown"};
  }
  Result<Hardware> used = on_nodes(hardware, nodes, plan.world);
  if (!used) return used.faults();
  RunOfPlan run;
  run.scenario = std::move(scenario);
  run.plan = std::move(plan);
  run.hardware = std::move(*used);
  run_plan(run, *cost_model(run.hardware), options);
  return run;
}

}  // namespace lockstep
