// The verdict of the seed bug comes from the tensors of the plan: from a printed plan as from the
// scenario, and in exactly the layers that a rule went wrong in.
#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "sim/contract/check.h"
#include "sim/plan/parse.h"
#include "sim/plan/text.h"
#include "sim/serving/input.h"
#include "tests/differential/agreement.h"
#include "tests/differential/cases.h"

namespace lockstep::test {
namespace {

LoweringInput dep4(const char* revision, int layers) {
  return input_of({4, 4, 4, "none", revision, {3, 0, 2, 5}, layers, 1});
}

Plan lowered(const LoweringInput& input) {
  Result<Plan> plan = lower(input);
  REQUIRE(static_cast<bool>(plan));
  return std::move(*plan);
}

std::vector<std::string> messages(const Plan& plan) {
  std::vector<std::string> found;
  for (const contract::Violation& v : contract::check(plan).violations) found.push_back(v.message);
  return found;
}

std::vector<int> layers(const Plan& plan) {
  std::vector<int> found;
  for (const contract::Violation& v : contract::check(plan).violations) {
    found.push_back(v.site.layer);
  }
  return found;
}

TEST_CASE("a printed plan gives the same violations as the scenario it came from") {
  for (const char* revision : {"22642^", "22642", "23732", "24785^", "24785"}) {
    CAPTURE(revision);
    const Plan plan = lowered(dep4(revision, 3));
    const Result<Plan> again = parse_plan(print(plan), "printed.yaml");
    REQUIRE(static_cast<bool>(again));
    CHECK(*again == plan);
    CHECK(hash(*again) == hash(plan));
    CHECK(messages(*again) == messages(plan));
  }
}

TEST_CASE("a rule overridden in one layer is wrong in exactly that layer") {
  // Sparse every third layer: 3, 6, ..., 18 of 20; the override makes layer 17, a dense one, skip
  // what it owes, and nothing else.
  LoweringInput input = dep4("24785", 20);
  input.model.moe_layer_freq = 3;
  CHECK(layers(lowered(input)).empty());
  input.serving.rules["should_skip_mlp_all_reduce"] = "default and not layer == 17";
  const Plan plan = lowered(input);
  CHECK(layers(plan) == std::vector<int>{17});
  CHECK(contract::check(plan).violations.front().site.module == "mlp");
  CHECK(contract::check(plan).violations.front().factor == Rational(4));
  CHECK(disagreement(plan) == "");
}

TEST_CASE("every layer of the revision that introduced the bug is violated, dense and sparse") {
  CHECK(layers(lowered(dep4("22642", 4))) == std::vector<int>{0, 1, 2, 3});
  CHECK(layers(lowered(dep4("24785^", 4))) == std::vector<int>{0});
}

TEST_CASE("carried on, the fault of layer 0 reaches every later boundary") {
  const Plan plan = lowered(dep4("24785^", 3));
  const contract::CheckResult result = contract::check(plan, {true, false});
  REQUIRE(result.violations.size() == 1);
  // layer 0's feed-forward, then attention and feed-forward of layers 1 and 2, then the logits
  CHECK(result.reach.size() == 6);
  CHECK(result.reach.front() == Site{0, 0, "mlp"});
  CHECK(result.reach.back().module == "logits");
}

}  // namespace
}  // namespace lockstep::test
