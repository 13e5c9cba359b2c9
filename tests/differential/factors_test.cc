// The replay measures the factors that the checker names: in every scenario file, with its fix and
// its neighbours (and in thousands of drawn plans, differential_test.cc).
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <optional>
#include <string>

#include "tests/differential/agreement.h"
#include "tests/differential/cases.h"
#include "tests/differential/factors.h"
#include "tests/differential/scenario_plans.h"

namespace lockstep::test {
namespace {

TEST_CASE("the replay measures the factors that the checker names in every scenario file") {
  constexpr int kMostRanks = 16;  // quick enough for every run of the tests
  FactorCount factors;
  const std::size_t plans =
      for_each_scenario_plan(kMostRanks, [&](const std::string& name, const Plan& plan) {
        CAPTURE(name);
        const contract::CheckResult checked = contract::check(plan);
        const numeric::ReplayResult replayed = numeric::replay(plan, {});
        CHECK(disagreement(plan, checked, replayed) == "");
        CHECK(factors_differ(plan, checked, replayed, factors) == "");
      });
  fmt::print("{} plans: {}\n", plans, text_of(factors));
  CHECK(plans >= 200);
  CHECK(factors.compared >= 100);
  CHECK(factors.factors >= 50);
  CHECK(factors.scales >= 80);
  CHECK(factors.terms >= 150);
}

TEST_CASE("a factor that the replay does not measure is told") {
  // The sum is there f times. To say f + 1 of it, or f + 1/1000, is wrong by the replay.
  int told = 0;
  for (std::int64_t index = 0; index < 40; ++index) {
    const std::optional<Case> drawn = make_case(24785, index);
    if (!drawn) continue;
    const contract::CheckResult right = contract::check(drawn->plan);
    const numeric::ReplayResult replayed = numeric::replay(drawn->plan, {});
    FactorCount count;
    REQUIRE(factors_differ(drawn->plan, right, replayed, count) == "");
    if (count.factors == 0) continue;
    for (const Rational more : {Rational(1), Rational(1, 1000)}) {
      contract::CheckResult wrong = right;
      for (contract::Violation& v : wrong.violations) {
        if (v.factor) v.factor = *v.factor + more;
        for (contract::Coefficient& line : v.coefficients) line.value = line.value + more;
      }
      CHECK(factors_differ(drawn->plan, wrong, replayed, count) != "");
      ++told;
    }
  }
  CHECK(told >= 4);
}

}  // namespace
}  // namespace lockstep::test
