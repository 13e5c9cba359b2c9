#include "sim/scenario/fixes.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <set>

#include "sim/serving/sglang/timeline.h"

namespace lockstep {
namespace {

// The scenario with `settings`, lowered; nullopt where that is refused.
std::optional<Plan> lowered_with(const Scenario& scenario, const std::vector<Setting>& settings) {
  Result<Scenario> changed = with_settings(scenario, settings);
  if (!changed) return std::nullopt;
  Result<Plan> plan = lower(changed->input);
  if (!plan) return std::nullopt;
  return std::move(*plan);
}

bool holds_with(const Scenario& scenario, const std::vector<Setting>& settings) {
  const std::optional<Plan> plan = lowered_with(scenario, settings);
  contract::Options options;
  options.verdict_only = true;
  return plan && contract::check(*plan, options).verdict == contract::Verdict::holds;
}

std::optional<Fix> later_revision(const Scenario& scenario, const Plan& plan) {
  if (plan.origin.system != "sglang") return std::nullopt;
  const Result<sglang::Revision> now = sglang::resolve_revision(scenario.input.serving.revision);
  if (!now) return std::nullopt;
  std::set<std::uint64_t> tried{hash(plan)};
  for (std::size_t i = now->entry + 1; i < sglang::timeline().size(); ++i) {
    const int change = sglang::timeline()[i].pull_request;
    const std::vector<Setting> settings{{"serving.revision", fmt::format("\"{}\"", change)}};
    const std::optional<Plan> later = lowered_with(scenario, settings);
    if (!later || !tried.insert(hash(*later)).second) continue;
    if (contract::check(*later).verdict == contract::Verdict::holds) {
      return Fix{"revision", fmt::format("use SGLang as of #{} or later", change), settings};
    }
  }
  return std::nullopt;
}

// Lets the rule say the other thing, everywhere.
std::optional<Fix> turned_rule(const Scenario& scenario, const Reason& reason,
                               const std::string& kind) {
  if (reason.value != "true" && reason.value != "false") return std::nullopt;
  const std::string other = reason.value == "true" ? "false" : "true";
  const std::vector<Setting> settings{
      {"serving.rules." + reason.rule, fmt::format("\"{}\"", other)}};
  if (!holds_with(scenario, settings)) return std::nullopt;
  return Fix{kind, fmt::format("let {} be {}", reason.rule, other), settings};
}

const Reason* reason_of_operation(const Plan& plan, int operation, std::size_t index) {
  if (operation < 0) return nullptr;
  const auto& because = plan.operations[static_cast<std::size_t>(operation)].because;
  return index < because.size() ? &plan.reason(because[index]) : nullptr;
}

void add_rule_fixes(const Scenario& scenario, const Plan& plan, int operation,
                    const std::string& kind, std::set<std::string>& tried,
                    std::vector<Fix>& fixes) {
  for (std::size_t i = 0; const Reason* reason = reason_of_operation(plan, operation, i); ++i) {
    if (!tried.insert(reason->rule).second) continue;
    if (std::optional<Fix> fix = turned_rule(scenario, *reason, kind)) {
      fixes.push_back(std::move(*fix));
    }
  }
}

// The first of `candidates` that holds.
void add_first_that_holds(const Scenario& scenario, const std::vector<Fix>& candidates,
                          std::vector<Fix>& fixes) {
  for (const Fix& candidate : candidates) {
    if (!holds_with(scenario, candidate.settings)) continue;
    fixes.push_back(candidate);
    return;
  }
}

// Another padding, then another layout; of each the least intrusive.
void add_input_fixes(const Scenario& scenario, std::vector<Fix>& fixes) {
  if (scenario.input.steps.size() == 1) {
    add_first_that_holds(scenario,
                         {{"input", "pad with max_len", {{"batch.padding", "max_len"}}},
                          {"input", "pad with sum_len", {{"batch.padding", "sum_len"}}}},
                         fixes);
  }
  add_first_that_holds(scenario,
                       {{"input",
                         "replicate the dense feed-forward: moe_dense_tp_size 1",
                         {{"parallel.moe_dense_tp_size", "1"}}},
                        {"input",
                         "shard the experts by tensor parallelism only: ep_size 1",
                         {{"parallel.ep_size", "1"}}},
                        {"input",
                         "dispatch tokens to experts: moe_a2a_backend deepep",
                         {{"parallel.moe_a2a_backend", "deepep"}}}},
                       fixes);
}

}  // namespace

std::vector<Fix> find_fixes(const Scenario& scenario, const Plan& plan,
                            const contract::CheckResult& result) {
  std::vector<Fix> fixes;
  if (result.verdict != contract::Verdict::violated) return fixes;
  if (std::optional<Fix> fix = later_revision(scenario, plan)) fixes.push_back(std::move(*fix));
  const contract::Violation& first = result.violations.front();
  std::set<std::string> tried;
  add_rule_fixes(scenario, plan, first.producer.index, "producer_rule", tried, fixes);
  add_rule_fixes(scenario, plan, first.operation.index, "consumer_rule", tried, fixes);
  add_input_fixes(scenario, fixes);
  return fixes;
}

Result<std::string> apply_fix(const Scenario& scenario, const Fix& fix) {
  Result<Scenario> changed = with_settings(scenario, fix.settings);
  if (!changed) return changed.faults();
  Node root = changed->source.root;
  for (std::size_t i = 0; i < root.keys.size(); ++i) {
    if (root.keys[i].text != "expect") continue;
    root.keys.erase(root.keys.begin() + static_cast<std::ptrdiff_t>(i));
    root.items.erase(root.items.begin() + static_cast<std::ptrdiff_t>(i));
    break;
  }
  return "# " + fix.description + "\n" + to_yaml(root);
}

}  // namespace lockstep
