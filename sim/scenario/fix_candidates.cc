#include "sim/scenario/fix_candidates.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>
#include <set>
#include <string_view>
#include <utility>

#include "sim/base/text.h"
#include "sim/serving/sglang/rules.h"
#include "sim/serving/sglang/timeline.h"

namespace lockstep {
namespace {

using contract::Violation;

constexpr const char* kRules = "serving.rules.";

// A producer that leaves its sum to whoever runs it: what #41253 made of these rules.
constexpr std::string_view kFollows =
    "sum_moves_to_next_layer or returns_over_dp and (return_uses_reduce_scatterv or "
    "return_uses_reduce_scatter)";
constexpr std::array<std::string_view, 4> kSkipRules{
    "should_skip_mlp_all_reduce", "should_skip_post_experts_all_reduce",
    "should_skip_moe_ep_all_reduce", "should_skip_moe_tp_all_reduce"};

constexpr std::size_t kMostRanges = 20;  // of layers, in one expression

Setting rule_setting(std::string_view rule, std::string_view expression) {
  return {kRules + std::string(rule), fmt::format("\"{}\"", expression)};
}

// The text in force, as RuleBook chooses it.
std::string_view text_at(const sglang::Revision& revision, const Rule& rule) {
  std::string_view text = "false";
  for (std::size_t i = 0; i < rule.history.size(); ++i) {
    const RuleVersion& version = rule.history[i];
    const bool in = version.attributed ? revision.includes(version.pull_request)
                                       : revision.merged_by_then(version.pull_request);
    if (!in && i == 0) break;
    if (in) text = version.expression;
  }
  return text;
}

void add_family_changes(const LoweringInput& input, std::vector<Fix>& fixes) {
  const std::string& architecture = input.model.architecture;
  const Result<Family> shipped = family_of(architecture);
  const Result<sglang::Revision> revision = sglang::revision_of(input.serving);
  if (!shipped || !revision) return;
  const std::vector<Rule> theirs = sglang::rules_of(*shipped, architecture);
  const std::vector<Rule> own = sglang::rules_of(*input.serving.family, architecture);
  for (std::size_t i = 0; i < own.size(); ++i) {
    const std::string_view text = text_at(*revision, theirs[i]);
    const bool overridden = input.serving.rules.contains(std::string(own[i].name));
    if (overridden || text == text_at(*revision, own[i])) continue;
    fixes.push_back({"input",
                     fmt::format("let {} be as in the family {}", own[i].name, shipped->name),
                     {rule_setting(own[i].name, text)}});
  }
  fixes.push_back({"input",
                   fmt::format("use the family {} as it is shipped", shipped->name),
                   {{"serving.family", "null"}}});
}

// The layers of the violations on which the rule decided with this value, in order.
std::set<int> layers_of(const Plan& plan, const std::vector<Violation>& violations,
                        const Reason& reason) {
  std::set<int> layers;
  const auto decided = [&](const contract::OperationRef& at) {
    if (at.index < 0) return false;
    const auto& because = plan.operations[static_cast<std::size_t>(at.index)].because;
    return std::ranges::any_of(because, [&](ReasonId id) {
      return plan.reason(id).rule == reason.rule && plan.reason(id).value == reason.value;
    });
  };
  for (const Violation& v : violations) {
    if (v.site.layer >= 0 && (decided(v.producer) || decided(v.operation))) {
      layers.insert(v.site.layer);
    }
  }
  return layers;
}

struct LayerRange {
  int first;
  int last;
};

std::vector<LayerRange> ranges_of(const std::set<int>& layers) {
  std::vector<LayerRange> ranges;
  for (const int layer : layers) {
    if (!ranges.empty() && ranges.back().last + 1 == layer) {
      ranges.back().last = layer;
    } else {
      ranges.push_back({layer, layer});
    }
  }
  return ranges;
}

// In the violated layers only, unless those are all.
std::optional<Fix> in_layers(const Plan& plan, const std::vector<Violation>& violations,
                             const Reason& reason, const std::string& kind) {
  const std::set<int> layers = layers_of(plan, violations, reason);
  const std::vector<LayerRange> ranges = ranges_of(layers);
  const bool all = layers.size() == static_cast<std::size_t>(plan.model.num_hidden_layers);
  if (ranges.empty() || ranges.size() > kMostRanges || all) return std::nullopt;
  std::vector<std::string> tests;
  std::vector<std::string> names;
  for (const auto& [first, last] : ranges) {
    const bool one = first == last;
    tests.push_back(one ? fmt::format("layer == {}", first)
                        : fmt::format("layer >= {} and layer <= {}", first, last));
    names.push_back(one ? std::to_string(first) : fmt::format("{}-{}", first, last));
  }
  const std::string here = join(tests, " or ");
  const bool now = reason.value == "true";
  const std::string text =
      now ? fmt::format("default and not ({})", here) : fmt::format("default or {}", here);
  return Fix{kind,
             fmt::format("in layer{} {} let {} be {}", layers.size() == 1 ? "" : "s",
                         join(names, ", "), reason.rule, now ? "false" : "true"),
             {rule_setting(reason.rule, text)}};
}

RuleChange change_of(const Plan& plan, const std::vector<Violation>& violations,
                     const Reason& reason, const std::string& found_at) {
  const bool skips = std::ranges::find(kSkipRules, reason.rule) != kSkipRules.end();
  // The operation that is blamed may be the producer's own sum.
  const std::string kind = skips ? "producer_rule" : found_at;
  const char* other = reason.value == "true" ? "false" : "true";
  RuleChange change{
      kind,
      {kind, fmt::format("let {} be {}", reason.rule, other), {rule_setting(reason.rule, other)}},
      {}};
  if (auto narrow = in_layers(plan, violations, reason, kind)) {
    change.narrow.push_back(std::move(*narrow));
  }
  if (skips) {
    change.narrow.push_back(
        {kind,
         fmt::format("let {} be true exactly where the communicator sums", reason.rule),
         {rule_setting(reason.rule, kFollows)}});
  }
  return change;
}

}  // namespace

std::vector<Fix> undone_changes(const Scenario& scenario) {
  std::vector<Fix> fixes;
  for (const auto& [rule, text] : scenario.input.serving.rules) {
    if (text == "default") continue;
    fixes.push_back(
        {"input", fmt::format("let {} be as built in", rule), {rule_setting(rule, "default")}});
  }
  if (scenario.input.serving.family) add_family_changes(scenario.input, fixes);
  return fixes;
}

std::vector<RuleChange> rule_changes(const Plan& plan, const contract::CheckResult& result) {
  std::vector<RuleChange> changes;
  std::set<std::string> seen;
  const auto add = [&](const contract::OperationRef& at, const std::string& kind) {
    if (at.index < 0) return;
    for (const ReasonId id : plan.operations[static_cast<std::size_t>(at.index)].because) {
      const Reason& reason = plan.reason(id);
      const bool turns = reason.value == "true" || reason.value == "false";
      if (!seen.insert(reason.rule).second || !turns) continue;
      changes.push_back(change_of(plan, result.violations, reason, kind));
    }
  };
  add(result.violations.front().producer, "producer_rule");
  add(result.violations.front().operation, "consumer_rule");
  return changes;
}

}  // namespace lockstep
