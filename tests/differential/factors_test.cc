// The replay measures the factors that the checker names: in every scenario file, with its fix and
// its neighbours (and in thousands of drawn plans, differential_test.cc).
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <set>
#include <string>
#include <vector>

#include "sim/base/yaml.h"
#include "sim/scenario/reduce.h"
#include "sim/scenario/scenario.h"
#include "tests/differential/agreement.h"
#include "tests/differential/cases.h"
#include "tests/differential/factors.h"

namespace lockstep::test {
namespace {

// Quick enough for every run of the tests.
constexpr int kMostRanks = 16;

std::vector<std::string> scenario_files() {
  std::vector<std::string> files;
  for (const auto& entry : std::filesystem::recursive_directory_iterator("scenarios")) {
    if (entry.path().extension() == ".yaml") files.push_back(entry.path().generic_string());
  }
  std::ranges::sort(files);
  return files;
}

// As `lockstep replay` has it; nothing for a file that is no scenario or not to be replayed here.
std::optional<Plan> plan_to_replay(const Document& document) {
  if (document.root.find("lockstep") == nullptr || document.root.find("plan") != nullptr) return {};
  const Result<Scenario> scenario = parse_scenario(document);
  if (!scenario) return {};
  Result<Plan> plan = lower(*scenario);
  if (plan && !scenario->program) plan = lower(at_reduced_tokens(scenario->input, *plan));
  if (!plan || plan->world > kMostRanks || !plan->unknown.empty()) return {};
  return numeric::at_reduced_dimensions(std::move(*plan));
}

struct Tally {
  std::set<std::uint64_t> plans;
  FactorCount factors;
};

void compare(const Document& document, Tally& tally) {
  const std::optional<Plan> plan = plan_to_replay(document);
  if (!plan || !tally.plans.insert(hash(*plan)).second) return;
  const contract::CheckResult checked = contract::check(*plan);
  const numeric::ReplayResult replayed = numeric::replay(*plan, {});
  CHECK(disagreement(*plan, checked, replayed) == "");
  CHECK(factors_differ(*plan, checked, replayed, tally.factors) == "");
}

TEST_CASE("the replay measures the factors that the checker names in every scenario file") {
  Tally tally;
  for (const std::string& file : scenario_files()) {
    CAPTURE(file);
    const Result<Document> document = read_yaml(file);
    REQUIRE(document);
    if (document->root.find("lockstep") == nullptr) continue;
    compare(*document, tally);
    const Result<Scenario> scenario = load_scenario(file);
    if (!scenario) continue;
    for (const Patch& patch : scenario->patches) {
      CAPTURE(suffix(patch.variant));
      const Result<Document> edited = patched(*read_yaml(file), patch.variant);
      REQUIRE(edited);
      compare(*edited, tally);
    }
  }
  fmt::print("{} plans: {}\n", tally.plans.size(), text_of(tally.factors));
  CHECK(tally.plans.size() >= 200);
  CHECK(tally.factors.compared >= 100);
  CHECK(tally.factors.factors >= 50);
  CHECK(tally.factors.scales >= 80);
  CHECK(tally.factors.terms >= 150);
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
