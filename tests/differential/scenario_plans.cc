#include "tests/differential/scenario_plans.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <set>
#include <vector>

#include "backend/numeric/replay.h"
#include "sim/base/yaml.h"
#include "sim/scenario/reduce.h"

namespace lockstep::test {
namespace {

std::vector<std::string> yaml_files() {
  std::vector<std::string> files;
  for (const auto& entry : std::filesystem::recursive_directory_iterator("scenarios")) {
    if (entry.path().extension() == ".yaml") files.push_back(entry.path().generic_string());
  }
  std::ranges::sort(files);
  return files;
}

bool is_scenario(const Document& document) {
  return document.root.find("lockstep") != nullptr && document.root.find("plan") == nullptr;
}

}  // namespace

Result<Plan> plan_to_replay(const Scenario& scenario) {
  Result<Plan> plan = lower(scenario);
  if (plan && !scenario.program) plan = lower(at_reduced_tokens(scenario.input, *plan));
  if (!plan) return plan;
  return numeric::at_reduced_dimensions(std::move(*plan));
}

std::size_t for_each_scenario_plan(
    int most_ranks, const std::function<void(const std::string& name, const Plan& plan)>& visit) {
  std::set<std::uint64_t> seen;
  const auto visit_document = [&](const std::string& name, const Document& document) {
    const Result<Scenario> scenario = parse_scenario(document);
    if (!scenario) return;
    const Result<Plan> plan = plan_to_replay(*scenario);
    if (!plan || plan->world > most_ranks || !plan->unknown.empty()) return;
    if (seen.insert(hash(*plan)).second) visit(name, *plan);
  };
  for (const std::string& file : yaml_files()) {
    CAPTURE(file);
    const Result<Document> document = read_yaml(file);
    REQUIRE(document);
    if (!is_scenario(*document)) continue;
    visit_document(file, *document);
    const Result<Scenario> scenario = load_scenario(file);
    if (!scenario) continue;
    for (const Patch& patch : scenario->patches) {
      const Result<Document> edited = patched(*document, patch.variant);
      REQUIRE(edited);
      visit_document(file + suffix(patch.variant), *edited);
    }
  }
  return seen.size();
}

}  // namespace lockstep::test
