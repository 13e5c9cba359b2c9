// Every scenario that comes with the project parses, lowers, and gives what it expects.
#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>

#include "sim/contract/check.h"
#include "sim/plan/parse.h"
#include "sim/plan/plan.h"
#include "sim/plan/text.h"
#include "sim/scenario/expect.h"
#include "sim/scenario/scenario.h"
#include "tests/scenario/parsing.h"

using namespace lockstep;
using namespace lockstep::test;

namespace {

// In sorted order: YAML files with a top-level `lockstep` key that are no plan files.
std::vector<std::string> scenario_files() {
  std::vector<std::string> files;
  for (const auto& entry : std::filesystem::recursive_directory_iterator("scenarios")) {
    if (entry.path().extension() != ".yaml") continue;
    const std::string path = entry.path().generic_string();
    const Result<Document> document = read_yaml(path);
    REQUIRE_MESSAGE(document, to_string(document.faults()));
    const bool is_scenario =
        document->root.find("lockstep") != nullptr && document->root.find("plan") == nullptr;
    if (is_scenario) files.push_back(path);
  }
  std::ranges::sort(files);
  return files;
}

void must_give_what_it_expects(const Scenario& scenario) {
  if (!scenario.expect) return;
  const Result<Plan> plan = lower(scenario);
  REQUIRE_MESSAGE(plan, to_string(plan.faults()));
  REQUIRE(validate(*plan).empty());
  const contract::CheckResult result = contract::check(*plan);
  const auto explained = asks_for_explanation(*scenario.expect)
                             ? explain(scenario, *plan, result)
                             : std::vector<std::vector<Explanation>>{};
  CHECK(differences(*scenario.expect, result, *plan, explained) == std::vector<std::string>{});
}

}  // namespace

TEST_CASE("every scenario file parses and is called like its file") {
  const std::vector<std::string> files = scenario_files();
  CHECK(files.size() >= 14);
  for (const std::string& file : files) {
    CAPTURE(file);
    const Result<Scenario> scenario = load_scenario(file);
    REQUIRE_MESSAGE(scenario, to_string(scenario.faults()));
    CHECK(scenario->name == std::filesystem::path(file).stem().string());
    CHECK_FALSE(scenario->about.empty());
  }
}

TEST_CASE("every scenario file, its fix and its neighbours give what they expect") {
  for (const std::string& file : scenario_files()) {
    CAPTURE(file);
    const Result<Scenario> scenario = load_scenario(file);
    REQUIRE_MESSAGE(scenario, to_string(scenario.faults()));
    must_give_what_it_expects(*scenario);
    for (const Patch& patch : scenario->patches) {
      CAPTURE(suffix(patch.variant));
      const Result<Document> edited = patched(*read_yaml(file), patch.variant);
      REQUIRE_MESSAGE(edited, to_string(edited.faults()));
      const Result<Scenario> control = parse_scenario(*edited);
      REQUIRE_MESSAGE(control, to_string(control.faults()));
      must_give_what_it_expects(*control);
    }
  }
}

TEST_CASE("the seed case names the operation, the layer and the factor") {
  const Result<Scenario> scenario =
      load_scenario("scenarios/bugs/sglang/24785-kimi-k2.6-dep8-before.yaml");
  REQUIRE(scenario);
  REQUIRE(scenario->expect);
  const ExpectedViolation& first = scenario->expect->first.value();
  CHECK(first.code == "double-reduction");
  CHECK(first.layer == 0);
  CHECK(first.module == "mlp");
  CHECK(first.factor == "8");
}

// The text form of a plan is the long form of a program: what a serving system's rules were lowered
// to is a program like any other.
TEST_CASE("every plan, written out as a program file, reads back as the same plan") {
  for (const std::string& file : scenario_files()) {
    CAPTURE(file);
    const Result<Scenario> scenario = load_scenario(file);
    REQUIRE_MESSAGE(scenario, to_string(scenario.faults()));
    const Result<Plan> plan = lower(*scenario);
    REQUIRE_MESSAGE(plan, to_string(plan.faults()));
    if (plan->world > 256) continue;  // the same code, many more bytes
    const Result<Plan> again = parse_plan(print(*plan), "program.yaml");
    REQUIRE_MESSAGE(again, to_string(again.faults()));
    CHECK(*again == *plan);
    CHECK(hash(*again) == hash(*plan));
    const contract::CheckResult result = contract::check(*plan);
    const contract::CheckResult result_again = contract::check(*again);
    CHECK(result_again.verdict == result.verdict);
    REQUIRE(result_again.violations.size() == result.violations.size());
    for (std::size_t i = 0; i < result.violations.size(); ++i) {
      CHECK(result_again.violations[i].code == result.violations[i].code);
      CHECK(result_again.violations[i].message == result.violations[i].message);
    }
  }
}
