#include "sim/scenario/bisect.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "sim/serving/sglang/timeline.h"
#include "tests/scenario/parsing.h"

using namespace lockstep;
using namespace lockstep::test;

namespace {

const std::string kBefore = "scenarios/bugs/sglang/24785-kimi-k2.6-dep8-before.yaml";

Scenario dep8(std::vector<Setting> settings = {}) {
  settings.push_back({"model.num_hidden_layers", "3"});
  Result<Scenario> scenario = load_scenario(kBefore, settings);
  REQUIRE_MESSAGE(scenario, to_string(scenario.faults()));
  return std::move(*scenario);
}

Bisection bisected(const Scenario& scenario, const std::string& from = "10414",
                   const std::string& to = "32663") {
  Result<Bisection> found = bisect(scenario, from, to);
  REQUIRE_MESSAGE(found, to_string(found.faults()));
  return std::move(*found);
}

std::vector<int> pull_requests(const Bisection& b) {
  std::vector<int> list;
  for (const BisectChange& c : b.changes) list.push_back(b.positions[c.after].pull_request);
  return list;
}

std::vector<int> layers(const std::vector<contract::Violation>& violations) {
  std::vector<int> list;
  for (const contract::Violation& v : violations) list.push_back(v.site.layer);
  return list;
}

}  // namespace

TEST_CASE("Kimi K2.6 DEP8: broken by #22642, narrowed by #23732, mended by #24785") {
  const Bisection b = bisected(dep8());
  CHECK(pull_requests(b) == std::vector<int>{22642, 23732, 24785});
  REQUIRE(b.first_change_of_verdict());
  CHECK(b.positions[b.first_change_of_verdict()->after].pull_request == 22642);
  CHECK(b.positions[b.changes[0].before].pull_request == 20067);
  CHECK(b.positions[b.changes[0].before].verdict == "holds");
  CHECK(b.positions[b.changes[0].after].verdict == "violated");
  CHECK(layers(b.violations(b.changes[0].after)) == std::vector<int>{0, 1, 2});
  CHECK(b.positions[b.changes[1].after].verdict == "violated");
  CHECK(layers(b.violations(b.changes[1].after)) == std::vector<int>{0});
  CHECK(b.positions[b.changes[2].after].verdict == "holds");
}

TEST_CASE(
    "each entry of the range is a position, in merge order, and equal plans are checked once") {
  const Bisection b = bisected(dep8());
  const std::size_t first = *sglang::timeline_index(10414);
  const std::size_t last = *sglang::timeline_index(32663);
  REQUIRE(b.positions.size() == last - first + 1);
  for (std::size_t i = 0; i < b.positions.size(); ++i) {
    CHECK(b.positions[i].pull_request == sglang::timeline()[first + i].pull_request);
  }
  CHECK(b.results.size() < b.positions.size());
  for (const BisectPosition& p : b.positions) {
    for (const BisectPosition& q : b.positions) {
      CHECK((p.plan_hash == q.plan_hash) == (p.result == q.result));
    }
  }
}

TEST_CASE("a position says what a check at that revision says") {
  const Scenario scenario = dep8();
  const Bisection b = bisected(scenario, "22642^", "24949");
  for (const BisectPosition& p : b.positions) {
    CAPTURE(p.pull_request);
    const Result<Scenario> there =
        with_settings(scenario, {{"serving.revision", std::to_string(p.pull_request)}});
    REQUIRE(static_cast<bool>(there));
    const Result<Plan> plan = lower(*there);
    REQUIRE(static_cast<bool>(plan));
    CHECK(hash(*plan) == p.plan_hash);
    CHECK(to_string(contract::check(*plan).verdict) == p.verdict);
  }
}

TEST_CASE("the scenario's own revision has no part, its toggles have") {
  const auto hashes = [](const Bisection& b) {
    std::vector<std::uint64_t> list;
    for (const BisectPosition& p : b.positions) list.push_back(p.plan_hash);
    return list;
  };
  const Bisection plain = bisected(dep8(), "22642^", "24949");
  CHECK(hashes(plain) ==
        hashes(bisected(dep8({{"serving.revision", "\"32663\""}}), "22642^", "24949")));
  const Bisection picked = bisected(dep8({{"serving.with", "[24785]"}}), "22642^", "24949");
  CHECK(picked.changes.empty());
  CHECK_FALSE(picked.first_change_of_verdict());
  CHECK(picked.notes == std::vector<std::string>{"with #24785: it counts where it is not merged "
                                                 "yet"});
  const Bisection never = bisected(dep8({{"serving.without", "[22642]"}}), "22642^", "24949");
  CHECK(never.positions.back().verdict == "holds");
  CHECK(never.changes.empty());
}

TEST_CASE("where the scenario is refused the reason stands, and the range goes on") {
  // The environment variable came with #24949.
  const Bisection b =
      bisected(dep8({{"serving.env.SGLANG_SHARED_EXPERT_TP1", "\"1\""}}), "24785^", "25390");
  REQUIRE(b.positions.size() == 4);
  CHECK(b.positions[0].verdict == "refused");
  CHECK(b.positions[0].why.find("does not exist before #24949") != std::string::npos);
  CHECK(b.violations(0).empty());
  CHECK(b.positions[1].verdict == "refused");
  CHECK(b.positions[2].decided());
  CHECK(b.changes.empty());
}

TEST_CASE("a verdict that changes and changes back is found both times") {
  const Bisection b = bisected(dep8(), "22642^", "24785");
  std::vector<std::string> verdicts;
  for (const BisectChange& c : b.changes) {
    if (b.positions[c.before].verdict != b.positions[c.after].verdict) {
      verdicts.push_back(b.positions[c.after].verdict);
    }
  }
  CHECK(verdicts == std::vector<std::string>{"violated", "holds"});
}

TEST_CASE("progress counts every position") {
  std::vector<std::size_t> done;
  const Result<Bisection> b =
      bisect(dep8(), "22642^", "22664", [&](std::size_t i, std::size_t all) {
        done.push_back(i);
        CHECK(all == 3);
      });
  REQUIRE(static_cast<bool>(b));
  CHECK(done == std::vector<std::size_t>{0, 1, 2});
}

TEST_CASE("faults of the range name its end, those of the scenario their key") {
  const auto path = [](const Scenario& scenario, const char* from, const char* to) {
    const Result<Bisection> b = bisect(scenario, from, to);
    REQUIRE_FALSE(static_cast<bool>(b));
    return b.faults().front().path;
  };
  CHECK(path(dep8(), "24784", "latest") == "from");
  CHECK(path(dep8(), "24785", "abc") == "to");
  CHECK(path(dep8(), "24785", "22642") == "from");
  CHECK(path(dep8({{"serving.with", "[24784]"}}), "10414", "latest") == "serving.with.0");
  const Scenario plain = parsed(with_batch("serving: {system: plain}\n"));
  CHECK(path(plain, "24785", "latest") == "serving.system");
}
