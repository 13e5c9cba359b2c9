// The timing of a plan for a person and for a program.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "sim/base/error.h"
#include "sim/cost/hardware.h"
#include "sim/cost/timeline/breakdown.h"
#include "sim/cost/timeline/critical_path.h"
#include "sim/cost/timeline/timed_program.h"
#include "sim/events/engine.h"
#include "sim/plan/plan.h"
#include "sim/report/run_memory.h"
#include "sim/report/style.h"

namespace lockstep {

struct RunOfPlan {
  std::string scenario;
  Plan plan;
  Hardware hardware;
  Fidelity fidelity = Fidelity::closed_form;
  TimedProgram timed;
  Timeline timeline;
  std::optional<RunMemory> memory;  // where somebody asked for it, and there are weights
  // Only where the plan came to its end.
  Breakdown breakdown;
  std::vector<ChainLink> chain;
  double lower_ms = 0;  // measured
  double run_ms = 0;
  double wall_ms = 0;

  // As it was run, whatever the plan says.
  bool in_graph(std::size_t step) const { return timed.style_of_step[step] == LaunchStyle::graph; }
  bool ended() const { return timed.refused.empty() && !timeline.stuck; }
};

// Times `plan` by the cost models of `hardware`, on `nodes` of its nodes (none: as many as the
// ranks fill). A fault if they do not fit or cannot reach each other, if the plan's writer did not
// know enough to write a program, or if it takes longer than the clock holds. REQUIRES:
// validate(plan) found nothing.
Result<RunOfPlan> run_on(std::string scenario, Plan plan, const Hardware& hardware,
                         std::optional<int> nodes, const TimelineOptions& options = {});

// Runs what the fields up to `hardware` say by any cost model, and fills in the others.
void run_plan(RunOfPlan& run, const CostModel& cost, const TimelineOptions& options);

// Tables and the critical path; of every rank and layer with `all`. Of a plan that cannot end:
// stuck_text().
std::string run_text(const RunOfPlan& run, const Style& style, bool all);

// Schema lockstep.run/1 (docs/run.md).
nlohmann::ordered_json run_json(const RunOfPlan& run);

// What a reader must know of a run whose messages take over a third more or less than the closed
// form of the same plan; "" where they do not.
std::string fidelity_note(Duration messages, Duration closed_form);

// Why the plan cannot end: who stands where, and waits for whom. REQUIRES: it does not.
std::string stuck_text(const RunOfPlan& run);

}  // namespace lockstep
