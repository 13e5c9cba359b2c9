// The checker can fail: every rule turned round, in every layout, is a violation that the oracle
// measures too, or is harmless there because another rule covers it.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <array>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "tests/differential/agreement.h"
#include "tests/differential/cases.h"

namespace lockstep::test {
namespace {

struct Setup {
  int tp, dp, ep;
  Padding padding;
};

constexpr std::array<Setup, 6> kSetups{{{4, 4, 4, Padding::sum_len},
                                        {4, 4, 4, Padding::max_len},
                                        {4, 4, 1, Padding::sum_len},
                                        {4, 4, 1, Padding::max_len},
                                        {4, 2, 4, Padding::sum_len},
                                        {4, 2, 4, Padding::max_len}}};

constexpr std::array<const char*, 4> kRules{
    "should_use_dp_reduce_scatterv", "should_use_reduce_scatter", "should_skip_mlp_all_reduce",
    "should_skip_post_experts_all_reduce"};

LoweringInput input_of(const Setup& setup) {
  LoweringInput input;
  input.name = "rules";
  input.model = tiny_model(2, 1, 8, 1);
  input.parallel.tp_size = setup.tp;
  input.parallel.dp_size = setup.dp;
  input.parallel.ep_size = setup.ep;
  input.parallel.enable_dp_attention = true;
  input.serving.revision = "24785";
  BatchSpec batch;
  for (int shard = 0; shard < setup.dp; ++shard) {
    batch.shards.push_back({ForwardMode::extend, {{shard + 2, 0}}});
  }
  batch.padding = setup.padding;
  input.steps = {batch};
  return input;
}

// The rules whose values a plan shows among its reasons, with their values.
std::map<std::string, std::set<std::string>> decisions(const Plan& plan) {
  std::map<std::string, std::set<std::string>> found;
  for (const Reason& reason : plan.reasons) found[reason.rule].insert(reason.value);
  return found;
}

TEST_CASE("a rule turned round is violated, or another rule that moves with it covers it") {
  int flips = 0;
  int harmless = 0;
  for (const Setup& setup : kSetups) {
    const LoweringInput right = input_of(setup);
    const Result<Plan> before = lower(right);
    REQUIRE(static_cast<bool>(before));
    REQUIRE(contract::check(*before).verdict == contract::Verdict::holds);
    for (const char* rule : kRules) {
      CAPTURE(rule);
      LoweringInput turned = right;
      turned.serving.rules[rule] = "not default";
      const Result<Plan> plan = lower(turned);
      REQUIRE(static_cast<bool>(plan));
      ++flips;
      const contract::CheckResult result = contract::check(*plan);
      CHECK(disagreement(*plan) == "");
      if (result.verdict == contract::Verdict::violated) continue;
      ++harmless;
      std::string covered_by;
      for (const auto& [name, values] : decisions(*plan)) {
        const auto was = decisions(*before);
        if (name != rule && (!was.contains(name) || was.at(name) != values)) covered_by = name;
      }
      fmt::print("tp{} dp{} ep{} {}: not {} is harmless, covered by {}\n", setup.tp, setup.dp,
                 setup.ep, to_string(setup.padding), rule,
                 covered_by.empty() ? "no other rule" : covered_by);
      CHECK(covered_by != "");
    }
  }
  fmt::print("{} rule flips, {} harmless\n", flips, harmless);
}

}  // namespace
}  // namespace lockstep::test
