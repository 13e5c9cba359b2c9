#include "tools/sweep_point.h"

#include <fmt/format.h>

#include "sim/contract/check.h"

namespace lockstep::tools {
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

// How long the plan takes.
void measure(const Plan& plan, SweepRow& row) { row.set(kGpus, plan.world); }

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
  const Result<Plan> plan = lower(*scenario);
  if (!plan) {
    refuse(row, plan.faults());
    return row;
  }
  judge(*plan, row);
  measure(*plan, row);
  return row;
}

}  // namespace lockstep::tools
