// Many more processes than processors.
#include <doctest/doctest.h>

#include <algorithm>

#include "sim/base/yaml.h"
#include "sim/scenario/scenario.h"
#include "tests/differential/scenario_plans.h"
#include "tests/process_replay/backends.h"

namespace lockstep::test {
namespace {

// Kimi K2.6 before #24785 in DEP64, four layers, five tokens on each rank, at reduced dimensions.
Plan dep64() {
  Result<Document> document = read_yaml("scenarios/bugs/sglang/24785-kimi-k2.6-dep8-before.yaml");
  REQUIRE(document);
  const Result<Scenario> scenario =
      parse_scenario(std::move(*document), {{"parallel.tp_size", "64"},
                                            {"parallel.dp_size", "64"},
                                            {"parallel.ep_size", "64"},
                                            {"model.num_hidden_layers", "4"},
                                            {"batch.tokens", "5"}});
  REQUIRE_MESSAGE(scenario, to_string(scenario.faults()));
  Result<Plan> plan = plan_to_replay(*scenario);
  REQUIRE_MESSAGE(plan, to_string(plan.faults()));
  return std::move(*plan);
}

TEST_CASE("64 ranks replay four layers, and the sum that is there twice is 64 times too large") {
  const Plan plan = dep64();
  REQUIRE(plan.world == 64);
  CHECK(difference_of_backends(plan, {}) == "");
  const numeric::ReplayResult result = on_processes(plan, {});
  const auto wrong = std::ranges::find(result.comparisons, false, &numeric::Comparison::met);
  REQUIRE(wrong != result.comparisons.end());
  CHECK(wrong->site.layer == 0);
  CHECK(wrong->site.module == "mlp");
  CHECK(wrong->scale == doctest::Approx(64).epsilon(1e-4));
}

}  // namespace
}  // namespace lockstep::test
