// Every scenario file, with its fix and its neighbours: the same bits on both backends.
#include <doctest/doctest.h>

#include "tests/differential/scenario_plans.h"
#include "tests/process_replay/backends.h"

namespace lockstep::test {
namespace {

TEST_CASE("every scenario file gives the same bits in one process and on one process per rank") {
  constexpr int kMostRanks = 16;  // small enough for a process per rank
  int diverging = 0;
  int stopped = 0;
  const auto compare = [&](const std::string& name, const Plan& plan) {
    CAPTURE(name);
    CHECK(difference_of_backends(plan, {}) == "");
    const numeric::ReplayVerdict verdict = numeric::replay(plan, {}).verdict;
    if (verdict == numeric::ReplayVerdict::diverges) ++diverging;
    if (verdict == numeric::ReplayVerdict::stopped) ++stopped;
  };
  CHECK(for_each_scenario_plan(kMostRanks, compare) >= 100);
  CHECK(diverging >= 40);
  CHECK(stopped >= 10);
}

}  // namespace
}  // namespace lockstep::test
