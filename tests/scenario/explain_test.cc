#include "sim/scenario/explain.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "sim/scenario/expect.h"
#include "tests/scenario/parsing.h"

using namespace lockstep;
using namespace lockstep::test;

namespace {

const std::string kBefore = "scenarios/bugs/sglang/24785-kimi-k2.6-dep8-before.yaml";

struct Explained {
  Scenario scenario;
  Plan plan;
  contract::CheckResult result;
  std::vector<std::vector<Explanation>> explained;
};

Explained explained(const std::vector<Setting>& settings, const std::string& file = kBefore) {
  Result<Scenario> scenario = load_scenario(file, settings);
  REQUIRE_MESSAGE(scenario, to_string(scenario.faults()));
  Result<Plan> plan = lower(*scenario);
  REQUIRE_MESSAGE(plan, to_string(plan.faults()));
  contract::CheckResult result = contract::check(*plan);
  auto found = explain(*scenario, *plan, result);
  return {std::move(*scenario), std::move(*plan), std::move(result), std::move(found)};
}

const Explanation* find(const std::vector<Explanation>& list, int pull_request) {
  const auto found = std::ranges::find(list, pull_request, &Explanation::pull_request);
  return found == list.end() ? nullptr : &*found;
}

}  // namespace

TEST_CASE("the double reduction before #24785 is explained by it, and by #22642 that made it") {
  const Explained e = explained({});
  REQUIRE(e.explained.size() == 1);
  REQUIRE_FALSE(e.explained[0].empty());
  CHECK(e.explained[0].front() == Explanation{24785, true, true});
  const Explanation* cause = find(e.explained[0], 22642);
  REQUIRE(cause != nullptr);
  CHECK_FALSE(cause->added);
  CHECK(cause->holds);
  CHECK(find(e.explained[0], 23732) == nullptr);
}

TEST_CASE("a change that mends one block of several does not make the scenario hold") {
  // At #22642 every layer sums twice: #23732 told the sparse ones, #24785 tells all of them.
  const Explained e = explained({{"serving.revision", "22642"}, {"model.num_hidden_layers", "3"}});
  REQUIRE(e.explained.size() == 3);
  const auto& dense = e.explained[0];
  CHECK(find(dense, 23732) == nullptr);
  REQUIRE(find(dense, 24785) != nullptr);
  CHECK(find(dense, 24785)->holds);
  for (const std::size_t sparse : {1, 2}) {
    const auto& list = e.explained[sparse];
    REQUIRE(find(list, 23732) != nullptr);
    CHECK(find(list, 23732)->added);
    CHECK_FALSE(find(list, 23732)->holds);
    // What makes everything hold stands first.
    CHECK(std::ranges::is_sorted(list, {}, [](const Explanation& x) { return !x.holds; }));
  }
}

TEST_CASE("toggles of the scenario are turned over too") {
  const Explained without =
      explained({{"serving.revision", "24785"}, {"serving.without", "[24785]"}});
  REQUIRE(without.explained.size() == 1);
  CHECK(find(without.explained[0], 24785) != nullptr);
  CHECK(find(without.explained[0], 24785)->added);
  const Explained with = explained({{"serving.revision", "22642^"},
                                    {"serving.with", "[22642]"},
                                    {"model.num_hidden_layers", "2"}});
  REQUIRE(with.explained.size() == 2);
  REQUIRE(find(with.explained[0], 22642) != nullptr);
  CHECK_FALSE(find(with.explained[0], 22642)->added);
  CHECK(find(with.explained[0], 22642)->holds);
}

TEST_CASE("nothing is to be explained where the scenario holds") {
  CHECK(explained({{"serving.revision", "24785"}}).explained.empty());
}

TEST_CASE("a fault of a rule that the user set is explained by no pull request") {
  const Explained e = explained({{"serving.revision", "24785"},
                                 {"serving.rules.should_skip_mlp_all_reduce", "\"false\""},
                                 {"serving.rules.should_use_dp_reduce_scatterv", "\"true\""},
                                 {"serving.rules.dp_return_uses_reduce_scatterv", "\"true\""},
                                 {"serving.rules.boundary_completes_sum", "\"false\""},
                                 {"model.num_hidden_layers", "2"}});
  REQUIRE_FALSE(e.explained.empty());
  CHECK(e.explained[0].empty());
}

TEST_CASE("expect may ask for the explanation") {
  const Explained e = explained({});
  const auto expecting = [](const char* text) {
    return *parsed(with_batch(std::string("expect: {first: {explained_by: ") + text + "}}\n"))
                .expect;
  };
  CHECK(asks_for_explanation(expecting("24785")));
  CHECK(differences(expecting("24785"), e.result, e.plan, e.explained).empty());
  CHECK(differences(expecting("22642"), e.result, e.plan, e.explained).empty());
  const auto wrong = differences(expecting("23732"), e.result, e.plan, e.explained);
  REQUIRE(wrong.size() == 1);
  CHECK(wrong[0].starts_with("first violation: explained_by: expected #23732, found #24785"));
  CHECK_FALSE(asks_for_explanation(*parsed(with_batch("expect: {first: {layer: 0}}\n")).expect));
}
