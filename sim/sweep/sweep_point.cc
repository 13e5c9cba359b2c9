#include "sim/sweep/sweep_point.h"

#include <fmt/format.h>

#include <optional>

#include "sim/contract/check.h"
#include "sim/report/run_memory.h"
#include "sim/report/run_report.h"

namespace lockstep {
namespace {

// In one line.
std::string reason_of(const Diagnostics& faults) {
  std::string text = faults.front().message;
  if (faults.size() > 1) text += fmt::format(" (and {} more)", faults.size() - 1);
  for (char& c : text) c = c == '\n' ? ' ' : c;
  return text;
}

void refuse(SweepRow& row, const Diagnostics& faults) {
  row.verdict = only_unknown(faults) ? "unknown" : "bad-input";
  row.reason = reason_of(faults);
}

void judge(const Plan& plan, SweepRow& row) {
  const contract::CheckResult result = contract::check(plan);
  row.verdict = to_string(result.verdict);
  if (!result.violations.empty()) row.code = to_string(result.violations.front().code);
  if (!result.unknown.empty()) row.reason = result.unknown.front();
}

std::string first_line(const std::string& text) { return text.substr(0, text.find('\n')); }

// A hand-written program has no weights: nothing is said of it.
void weigh(const Scenario& scenario, const Plan& plan, SweepRow& row) {
  const std::optional<RunMemory> memory = memory_of(plan, scenario.hardware.gpu);
  if (!memory) return;
  row.set(kMemory, static_cast<double>(memory->use.total()) / 1e9);
  row.fits = memory->fit.fits;
}

// How long the plan takes on the scenario's hardware.
void measure(const Scenario& scenario, Plan plan, SweepRow& row) {
  const int world = plan.world;
  row.set(kGpus, world);
  const Result<RunOfPlan> run =
      run_on(scenario.name, std::move(plan), scenario.hardware, scenario.nodes);
  if (!run || !run->ended()) {
    if (row.reason.empty())
      row.reason = run ? first_line(stuck_text(*run)) : reason_of(run.faults());
    return;
  }
  const double makespan = in_microseconds(run->breakdown.makespan);
  row.set(kMakespan, makespan);
  if (makespan <= 0) return;
  std::int64_t tokens = 0;
  for (const StepTime& step : run->breakdown.steps) tokens += step.tokens();
  const double rate = static_cast<double>(tokens) * 1e6 / makespan;
  row.set(kTokens, rate);
  row.set(kTokensPerGpu, rate / world);
}

}  // namespace

SweepRow sweep_point(const SweepBase& base, std::int64_t point) {
  SweepRow row;
  row.values = values_at(base.axes, point);
  std::vector<Setting> settings = base.settings;
  for (Setting& setting : settings_at(base.axes, point)) settings.push_back(std::move(setting));
  const Result<Scenario> scenario = parse_scenario(base.document, settings);
  if (!scenario) {
    refuse(row, scenario.faults());
    return row;
  }
  Result<Plan> plan = lower(*scenario);
  if (!plan) {
    refuse(row, plan.faults());
    return row;
  }
  judge(*plan, row);
  weigh(*scenario, *plan, row);
  measure(*scenario, std::move(*plan), row);
  return row;
}

}  // namespace lockstep
