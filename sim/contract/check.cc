#include "sim/contract/check.h"

#include <algorithm>
#include <tuple>

#include "sim/contract/blame.h"
#include "sim/contract/describe.h"
#include "sim/contract/execution.h"
#include "sim/contract/stream_race.h"
#include "sim/contract/structural.h"

namespace lockstep::contract {
namespace {

std::vector<Obligation> obligations_of(const Execution& execution) {
  std::vector<Obligation> obligations;
  for (const JudgedObligation& judged : execution.judged()) {
    obligations.push_back({judged.operation, judged.operand, judged.wrong.empty(), judged.wrong});
  }
  std::ranges::stable_sort(obligations, {},
                           [](const Obligation& o) { return std::tuple(o.operation, o.operand); });
  return obligations;
}

std::vector<Site> reach_of(const Plan& plan, const std::vector<Obligation>& obligations) {
  std::vector<Site> reach;
  for (const Obligation& o : obligations) {
    const Operation& op = plan.operations[static_cast<std::size_t>(o.operation)];
    if (op.boundary && !o.met) reach.push_back(op.site);
  }
  return reach;
}

std::vector<OperationStates> states_of(Execution& execution) {
  const Plan& plan = execution.plan();
  std::vector<OperationStates> all;
  for (std::size_t i = 0; i < plan.operations.size(); ++i) {
    const Operation& op = plan.operations[i];
    for (std::size_t output = 0; output < op.out.size(); ++output) {
      OperationStates states{static_cast<int>(i), static_cast<int>(output), {}};
      for (int rank = 0; rank < plan.world; ++rank) {
        if (!executes(op, rank)) continue;
        const StateId state =
            execution.written(static_cast<int>(i), static_cast<int>(output), rank);
        states.ranks.push_back(describe_state(execution, state, op.out[output].declared, rank));
      }
      all.push_back(std::move(states));
    }
  }
  return all;
}

}  // namespace

CheckResult check(const Plan& plan, const Options& options) {
  if (!plan.unknown.empty()) {
    CheckResult result;
    result.verdict = Verdict::unknown;
    result.unknown = plan.unknown;
    return result;
  }
  Execution execution(plan, options);
  execution.run();
  if (!options.exact && execution.forms_overflowed()) {
    Options again = options;
    again.exact = true;
    return check(plan, again);
  }
  if (options.verdict_only && execution.failed()) {
    CheckResult whether;
    whether.verdict = Verdict::violated;
    return whether;
  }
  CheckResult result;
  StructuralFindings structural = structural_findings(execution);
  result.stopped_at = structural.stopped_at;
  result.violations = std::move(structural.violations);
  // Where a coefficient overflowed, what follows from it says nothing.
  const bool trusted = !execution.values().overflowed();
  if (trusted && !execution.unmet().empty()) {
    for (Violation& v : Blame(execution).violations()) result.violations.push_back(std::move(v));
  }
  for (Violation& v : stream_races(plan)) result.violations.push_back(std::move(v));
  std::ranges::stable_sort(result.violations, {}, [](const Violation& v) {
    return std::tuple(v.site.step, v.operation.index, v.code,
                      v.ranks.empty() ? -1 : v.ranks.lowest());
  });
  result.obligations = obligations_of(execution);
  if (options.propagate) result.reach = reach_of(plan, result.obligations);
  if (options.keep_states) result.states = states_of(execution);
  if (!result.violations.empty() || execution.failed()) result.verdict = Verdict::violated;
  result.states_made = execution.states().size();
  if (!trusted) {
    result.verdict = Verdict::unknown;
    result.unknown.push_back("a coefficient does not fit in a 64-bit rational");
  }
  return result;
}

}  // namespace lockstep::contract
