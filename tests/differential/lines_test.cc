// The verdict comes from tensors: every collective line of five plans is deleted, doubled and
// moved, and the verdict changes as the algebra says, which the oracle confirms with numbers.
#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <vector>

#include "tests/differential/agreement.h"
#include "tests/differential/cases.h"

namespace lockstep::test {
namespace {

struct Setup {
  const char* name;
  Deployment deployment;
};

const std::array<Setup, 5> kSetups{
    {{"DEP4", {4, 4, 4, "none", "24785", {3, 2, 4, 1}}},
     {"TP4", {4, 1, 1, "none", "24785", {5}}},
     {"DP2 with attention-TP 2", {4, 2, 4, "none", "24785", {3, 5}}},
     {"DP4 without EP", {4, 4, 1, "none", "24785", {2, 2, 3, 1}}},
     {"DeepEP, attention-TP 2", {4, 2, 4, "deepep", "24785", {4, 2}}}}};

Plan plan_of(const Setup& setup) {
  Result<Plan> plan = lower(input_of(setup.deployment));
  REQUIRE_MESSAGE(static_cast<bool>(plan), setup.name);
  return std::move(*plan);
}

bool in_place(const Operation& op) { return op.in.front().tensor == op.out.front().tensor; }

int group_size(const Plan& plan, const Operation& op) {
  return static_cast<int>(plan.group(op.group).parts.front().size());
}

template <class Change>
void for_each_collective(Change change) {
  for (const Setup& setup : kSetups) {
    CAPTURE(setup.name);
    const Plan plan = plan_of(setup);
    REQUIRE(contract::check(plan).verdict == contract::Verdict::holds);
    for (std::size_t i = 0; i < plan.operations.size(); ++i) {
      if (!is_collective(plan.operations[i].kind)) continue;
      CAPTURE(i);
      CAPTURE(plan.operations[i].name);
      change(plan, i);
    }
  }
}

TEST_CASE("without any one collective line the plan is violated") {
  // A sum in place leaves shares absent; a result that is never written is undefined.
  for_each_collective([](const Plan& plan, std::size_t i) {
    Plan mutant = plan;
    mutant.operations.erase(mutant.operations.begin() + static_cast<std::ptrdiff_t>(i));
    REQUIRE(validate(mutant) == std::vector<std::string>{});
    const contract::CheckResult result = contract::check(mutant);
    REQUIRE(result.verdict == contract::Verdict::violated);
    const bool was_in_place = in_place(plan.operations[i]);
    CHECK(to_string(result.violations.front().code) ==
          (was_in_place ? "missing-reduction" : "undefined-rows"));
    CHECK(disagreement(mutant) == "");
  });
}

TEST_CASE("doubling a collective line multiplies a sum in place by its group, and nothing else") {
  for_each_collective([](const Plan& plan, std::size_t i) {
    Plan mutant = plan;
    const Operation copy = mutant.operations[i];
    mutant.operations.insert(mutant.operations.begin() + static_cast<std::ptrdiff_t>(i), copy);
    const contract::CheckResult result = contract::check(mutant);
    const bool multiplies = copy.kind == OpKind::all_reduce && in_place(copy);
    CHECK((result.verdict == contract::Verdict::violated) == multiplies);
    if (multiplies) {
      CHECK(to_string(result.violations.front().code) == "double-reduction");
      CHECK(result.violations.front().factor == Rational(group_size(plan, copy)));
      CHECK(result.violations.front().operation.index == static_cast<int>(i) + 1);
    }
    CHECK(disagreement(mutant) == "");
  });
}

TEST_CASE("moving a collective line behind its reader does what the oracle measures") {
  int violated = 0;
  for_each_collective([&violated](const Plan& plan, std::size_t i) {
    if (i + 2 >= plan.operations.size()) return;
    Plan mutant = plan;
    const auto line = mutant.operations.begin() + static_cast<std::ptrdiff_t>(i);
    std::rotate(line, line + 1, line + 3);
    const contract::CheckResult result = contract::check(mutant);
    if (result.verdict == contract::Verdict::violated) ++violated;
    CHECK(disagreement(mutant) == "");
  });
  CHECK(violated > 20);
}

}  // namespace
}  // namespace lockstep::test
