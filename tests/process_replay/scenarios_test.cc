// Every scenario file, with its fix and its neighbours: the same bits on both backends.
#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <set>

#include "sim/base/yaml.h"
#include "sim/plan/parse.h"
#include "sim/scenario/reduce.h"
#include "sim/scenario/scenario.h"
#include "tests/process_replay/backends.h"

namespace lockstep::test {
namespace {

// Small enough for a process per rank.
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
  int diverging = 0;
  int stopped = 0;
};

void compare(const Document& document, Tally& tally) {
  const std::optional<Plan> plan = plan_to_replay(document);
  if (!plan || !tally.plans.insert(hash(*plan)).second) return;
  CHECK(difference_of_backends(*plan, {}) == "");
  const numeric::ReplayVerdict verdict = numeric::replay(*plan, {}).verdict;
  if (verdict == numeric::ReplayVerdict::diverges) ++tally.diverging;
  if (verdict == numeric::ReplayVerdict::stopped) ++tally.stopped;
}

TEST_CASE("every scenario file gives the same bits in one process and on one process per rank") {
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
  CHECK(tally.plans.size() >= 100);
  CHECK(tally.diverging >= 40);
  CHECK(tally.stopped >= 10);
}

}  // namespace
}  // namespace lockstep::test
