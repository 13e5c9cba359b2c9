#include "sim/scenario/fixes.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <set>
#include <utility>

#include "sim/scenario/fix_candidates.h"
#include "sim/scenario/fix_search.h"
#include "sim/scenario/settings.h"
#include "sim/serving/sglang/timeline.h"

namespace lockstep {
namespace {

bool holds_with(const Scenario& scenario, const std::vector<Setting>& settings) {
  const std::optional<Trial> trial = try_settings(scenario, settings);
  return trial && trial->holds();
}

std::optional<Fix> later_revision(const Scenario& scenario, const Plan& plan) {
  if (plan.origin.system != "sglang") return std::nullopt;
  const Result<sglang::Revision> now = sglang::resolve_revision(scenario.input.serving.revision);
  if (!now) return std::nullopt;
  std::set<std::uint64_t> tried{hash(plan)};
  for (std::size_t i = now->entry + 1; i < sglang::timeline().size(); ++i) {
    const int change = sglang::timeline()[i].pull_request;
    const std::vector<Setting> settings{{"serving.revision", fmt::format("\"{}\"", change)}};
    const Result<Scenario> changed = with_settings(scenario, settings);
    const Result<Plan> later = changed ? lower(changed->input) : Result<Plan>(changed.faults());
    if (!later || !tried.insert(hash(*later)).second) continue;
    if (contract::check(*later).verdict == contract::Verdict::holds) {
      return Fix{"revision", fmt::format("use SGLang as of #{} or later", change), settings};
    }
  }
  return std::nullopt;
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

// What the scenario changed, undone. The whole family only where nothing less does it.
void add_undone(const Scenario& scenario, std::vector<Fix>& fixes) {
  const std::size_t before = fixes.size();
  for (Fix& candidate : undone_changes(scenario)) {
    const bool whole = candidate.settings.front().path == "serving.family";
    if (whole && fixes.size() > before) continue;
    if (holds_with(scenario, candidate.settings)) fixes.push_back(std::move(candidate));
  }
}

// Each rule of this kind turned over everywhere; if that never does, the first narrower way.
void add_rule_fixes(const Scenario& scenario, const std::vector<RuleChange>& changes,
                    const std::string& kind, std::vector<Fix>& fixes) {
  const std::size_t before = fixes.size();
  for (const RuleChange& change : changes) {
    if (change.kind != kind) continue;
    if (holds_with(scenario, change.everywhere.settings)) fixes.push_back(change.everywhere);
  }
  for (const RuleChange& change : changes) {
    if (change.kind != kind || fixes.size() > before) continue;
    add_first_that_holds(scenario, change.narrow, fixes);
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
  const std::vector<RuleChange> changes = rule_changes(plan, result);
  for (const char* kind : {"producer_rule", "consumer_rule"}) {
    add_rule_fixes(scenario, changes, kind, fixes);
  }
  add_undone(scenario, fixes);
  const auto of_revision = [](const Fix& fix) { return fix.kind == "revision"; };
  if (std::ranges::all_of(fixes, of_revision)) {
    if (auto fix = find_composite(scenario, plan, result)) fixes.push_back(std::move(*fix));
  }
  add_input_fixes(scenario, fixes);
  return fixes;
}

Result<std::string> apply_fix(const Scenario& scenario, const Fix& fix) {
  Result<Scenario> changed = with_settings(scenario, fix.settings);
  if (!changed) return changed.faults();
  Node root = changed->source.root;
  remove_keys(root, {"expect", "bug", "fix", "neighbours"});
  return "# " + fix.description + "\n" + to_yaml(root);
}

}  // namespace lockstep
