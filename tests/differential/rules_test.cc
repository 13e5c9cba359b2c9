// The checker can fail: every rule turned round, in every layout, is a violation that the oracle
// measures too, or is harmless there because another rule covers it.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "sim/base/text.h"
#include "sim/serving/sglang/rules.h"
#include "tests/differential/agreement.h"
#include "tests/differential/cases.h"

namespace lockstep::test {
namespace {

struct Setup {
  int tp, dp, ep;
  const char* a2a;
  Padding padding;
};

constexpr std::array<Setup, 8> kSetups{{{4, 4, 4, "none", Padding::sum_len},
                                        {4, 4, 4, "none", Padding::max_len},
                                        {4, 4, 1, "none", Padding::sum_len},
                                        {4, 4, 1, "none", Padding::max_len},
                                        {4, 2, 4, "none", Padding::sum_len},
                                        {4, 2, 4, "none", Padding::max_len},
                                        {4, 1, 4, "none", Padding::none},
                                        {4, 2, 4, "deepep", Padding::sum_len}}};

// Rules by which one module tells another who reduces.
constexpr std::array<std::string_view, 7> kContractRules{"returns_over_dp",
                                                         "should_use_dp_reduce_scatterv",
                                                         "should_use_reduce_scatter",
                                                         "should_skip_mlp_all_reduce",
                                                         "should_skip_post_experts_all_reduce",
                                                         "dp_return_uses_reduce_scatterv",
                                                         "dp_return_uses_reduce_scatter"};
// Rules that choose between two ways to compute the same (a fused or a separate shared expert, a
// sharded or a replicated embedding): either way is right by itself. The rest may be either.
constexpr std::array<std::string_view, 4> kChoices{
    "shared_experts_fused", "shared_experts_on_one_rank", "shared_experts_on_second_stream",
    "embedding_is_sharded"};

template <std::size_t N>
bool is_in(const std::array<std::string_view, N>& rules, std::string_view name) {
  return std::ranges::find(rules, name) != rules.end();
}

LoweringInput input_of(const Setup& setup) {
  std::vector<int> tokens;
  for (int shard = 0; shard < setup.dp; ++shard) tokens.push_back(shard + 2);
  LoweringInput input =
      input_of(Deployment{setup.tp, setup.dp, setup.ep, setup.a2a, "24785", tokens, 4, 2});
  if (setup.padding != Padding::none) input.steps[0].padding = setup.padding;
  return input;
}

// The rules whose values a plan shows among its reasons, with their values.
std::map<std::string, std::set<std::string>> decisions(const Plan& plan) {
  std::map<std::string, std::set<std::string>> found;
  for (const Reason& reason : plan.reasons) found[reason.rule].insert(reason.value);
  return found;
}

// The rules, other than `rule`, whose values changed when `rule` was turned round.
std::vector<std::string> moved_along(const Plan& before, const Plan& after, std::string_view rule) {
  const auto was = decisions(before);
  std::vector<std::string> moved;
  for (const auto& [name, values] : decisions(after)) {
    if (name != rule && (!was.contains(name) || was.at(name) != values)) moved.push_back(name);
  }
  return moved;
}

struct Tally {
  int changes = 0;
  int harmless = 0;
};

void turn_every_rule(const Setup& setup, const Plan& right, Tally& tally) {
  for (const Rule& rule : sglang::common_rules()) {
    INFO(std::string(rule.name));
    LoweringInput turned = input_of(setup);
    turned.serving.rules[std::string(rule.name)] = "not default";
    const Result<Plan> plan = lower(turned);
    if (!plan) continue;                       // the serving system refuses the combination
    if (hash(*plan) == hash(right)) continue;  // the rule is not asked in this layout
    CHECK(disagreement(*plan) == "");
    const contract::Verdict verdict = contract::check(*plan).verdict;
    if (is_in(kChoices, rule.name)) CHECK(verdict == contract::Verdict::holds);
    if (!is_in(kContractRules, rule.name)) continue;
    ++tally.changes;
    if (verdict == contract::Verdict::violated) continue;
    ++tally.harmless;
    const std::vector<std::string> covers = moved_along(right, *plan, rule.name);
    fmt::print("tp{} dp{} ep{} {} {}: not {} is harmless, covered by {}\n", setup.tp, setup.dp,
               setup.ep, setup.a2a, to_string(setup.padding), rule.name, join(covers, ", "));
    CHECK(!covers.empty());
  }
}

void drop_every_collective(const Plan& right, Tally& tally) {
  for (std::size_t i = 0; i < right.operations.size(); ++i) {
    if (!is_collective(right.operations[i].kind)) continue;
    Plan plan = right;
    plan.operations.erase(plan.operations.begin() + static_cast<std::ptrdiff_t>(i));
    ++tally.changes;
    CHECK(disagreement(plan) == "");
    CHECK(contract::check(plan).verdict == contract::Verdict::violated);
  }
}

TEST_CASE("a rule turned round or a collective dropped is violated, or named as covered") {
  Tally tally;
  for (const Setup& setup : kSetups) {
    const Result<Plan> right = lower(input_of(setup));
    REQUIRE(static_cast<bool>(right));
    REQUIRE(contract::check(*right).verdict == contract::Verdict::holds);
    turn_every_rule(setup, *right, tally);
    drop_every_collective(*right, tally);
  }
  fmt::print("{} changes, {} harmless\n", tally.changes, tally.harmless);
  CHECK(tally.harmless * 20 <= tally.changes);
}

}  // namespace
}  // namespace lockstep::test
