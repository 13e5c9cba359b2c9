#include "sim/scenario/fixes.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "sim/scenario/scenario.h"
#include "tests/scenario/parsing.h"

using namespace lockstep;
using namespace lockstep::test;

namespace {

const std::string kDep4 = "{tp_size: 4, dp_size: 4, ep_size: 4, enable_dp_attention: true}";
const std::string kTp4 = "{tp_size: 4}";

// Two dense and two sparse layers on four ranks.
Scenario four_ranks(const std::string& serving, const std::string& parallel,
                    const std::string& padding = "sum_len") {
  const std::string tokens = parallel == kTp4 ? "5" : "[3, 0, 2, 5]";
  return parsed(
      "lockstep: 1\nmodel: {preset: kimi-k2.6, num_hidden_layers: 4, first_k_dense_replace: 2}\n"
      "serving: {" +
      serving + "}\nparallel: " + parallel + "\nbatch: {tokens: " + tokens +
      ", padding: " + padding + "}\n");
}

std::vector<Fix> fixes_of(const Scenario& scenario) {
  const Result<Plan> plan = lower(scenario);
  REQUIRE_MESSAGE(plan, to_string(plan.faults()));
  const contract::CheckResult result = contract::check(*plan);
  REQUIRE(result.verdict == contract::Verdict::violated);
  return find_fixes(scenario, *plan, result);
}

bool holds(const Scenario& scenario, const Fix& fix) {
  const Result<std::string> text = apply_fix(scenario, fix);
  REQUIRE(static_cast<bool>(text));
  const Scenario fixed = parsed(*text);
  const Result<Plan> plan = lower(fixed);
  return plan && contract::check(*plan).verdict == contract::Verdict::holds;
}

const Fix* described(const std::vector<Fix>& fixes, const std::string& description) {
  const auto found = std::ranges::find(fixes, description, &Fix::description);
  return found == fixes.end() ? nullptr : &*found;
}

}  // namespace

TEST_CASE("an override that does harm may be dropped") {
  const Scenario s =
      four_ranks("revision: latest, rules: {should_use_reduce_scatter: \"false\"}", kDep4);
  const std::vector<Fix> fixes = fixes_of(s);
  const Fix* drop = described(fixes, "let should_use_reduce_scatter be as built in");
  REQUIRE(drop != nullptr);
  CHECK(drop->kind == "input");
  CHECK(holds(s, *drop));
}

TEST_CASE("where turning a rule over everywhere does harm, it is turned in the wrong layers only") {
  // The dense layers sum themselves and are summed again on the way home; the sparse ones leave
  // their sum to the way home, which must stay as it is.
  const Scenario s = four_ranks("revision: 32663, rules: {should_skip_mlp_all_reduce: \"false\"}",
                                "{tp_size: 4, dp_size: 4, enable_dp_attention: true}", "max_len");
  const std::vector<Fix> fixes = fixes_of(s);
  const Fix* narrow = described(fixes, "in layers 0-1 let dp_return_uses_reduce_scatter be false");
  REQUIRE(narrow != nullptr);
  CHECK(narrow->kind == "consumer_rule");
  CHECK(narrow->settings.front().value == "\"default and not (layer >= 0 and layer <= 1)\"");
  CHECK(holds(s, *narrow));
  CHECK(described(fixes, "let dp_return_uses_reduce_scatter be false") == nullptr);
}

TEST_CASE("every fix holds for a producer that is right on some ranks only") {
  const Scenario s = four_ranks(
      "revision: 32663, rules: {should_skip_mlp_all_reduce: \"rank < 2 and default\"}", kDep4);
  const std::vector<Fix> fixes = fixes_of(s);
  for (const Fix& fix : fixes) CHECK(holds(s, fix));
  CHECK(described(fixes, "let should_skip_mlp_all_reduce be as built in") != nullptr);
}

TEST_CASE("two faults are mended together, and what does no harm stays") {
  // On Hopper all layers but the last leave their sum to the next one's fused kernel.
  const Scenario s = four_ranks(
      "revision: 24785, rules: {should_skip_mlp_all_reduce: \"false\", "
      "should_skip_post_experts_all_reduce: \"layer == 3\", "
      "dp_return_uses_reduce_scatter: \"true\"}",
      kTp4);
  const std::vector<Fix> fixes = fixes_of(s);
  const auto both =
      std::ranges::find_if(fixes, [](const Fix& f) { return f.settings.size() == 2; });
  REQUIRE(both != fixes.end());
  CHECK(both->kind == "producer_rule");
  CHECK(both->description.find("; and ") != std::string::npos);
  CHECK(holds(s, *both));
  for (const Setting& one : both->settings) {
    CHECK(one.path != "serving.rules.dp_return_uses_reduce_scatter");
    CHECK_FALSE(holds(s, {both->kind, both->description, {one}}));
  }
}

TEST_CASE("serving.family may be taken back to the shipped one") {
  const Scenario s = parsed(with_batch("serving: {family: null}\n"));
  CHECK_FALSE(s.input.serving.family.has_value());
}

TEST_CASE("nothing is offered where the scenario holds") {
  const Scenario s = four_ranks("revision: latest", kDep4);
  const Result<Plan> plan = lower(s);
  REQUIRE(static_cast<bool>(plan));
  CHECK(find_fixes(s, *plan, contract::check(*plan)).empty());
}
