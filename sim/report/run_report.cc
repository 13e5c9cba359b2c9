#include "sim/report/run_report.h"

#include <fmt/format.h>

#include <algorithm>
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

namespace {

Diagnostic too_long(const RunOfPlan& run, const ClockOverflow& error) {
  const Hardware& hardware = run.hardware;
  return plain_fault(
      fmt::format("{}: {}", run.scenario, error.what()),
      fmt::format("lower batch.tokens, or raise a rate that is too low: hardware.gpu.hbm_GBps is "
                  "{}, hardware.gpu.bf16_TFLOPS {}, hardware.node.link_GBps {}, "
                  "hardware.node.nic_GBps {}",
                  hardware.gpu.hbm_GBps, hardware.gpu.bf16_TFLOPS, hardware.node.link_GBps,
                  hardware.node.nic_GBps));
}

}  // namespace

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
  try {
    run_plan(run, *cost_model(run.hardware), options);
  } catch (const ClockOverflow& error) {
    return too_long(run, error);
  }
  return run;
}

std::string fidelity_note(Duration messages, Duration closed_form) {
  const Duration more = std::max(messages, closed_form);
  const Duration less = std::min(messages, closed_form);
  if (3 * (more - less) <= less) return "";
  return fmt::format(
      "message by message this takes {:.1f} us, by the closed form {:.1f} us: messages know the "
      "latency and rate of links alone (one ring, through one NIC between nodes), not the channels "
      "and protocols of the library that the closed form was fitted to (docs/cost_models.md)",
      in_microseconds(messages), in_microseconds(closed_form));
}

}  // namespace lockstep
