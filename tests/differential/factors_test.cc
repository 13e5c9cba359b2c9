// Every scenario file, with its fix and its neighbours: the replay measures the factors that the
// checker names.
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
  CHECK(tally.plans.size() >= 100);
}

}  // namespace
}  // namespace lockstep::test
