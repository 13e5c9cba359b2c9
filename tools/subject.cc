#include "tools/subject.h"

#include <chrono>

#include "sim/base/yaml.h"
#include "sim/plan/parse.h"

namespace lockstep::tools {

Result<Subject> load_subject(const std::string& path, const std::vector<Setting>& settings) {
  Result<Document> document = read_yaml(path);
  if (!document) return document.faults();
  if (is_plan(*document)) {
    if (!settings.empty()) {
      return document->fault(document->root, "--set changes scenarios; this is a plan",
                             "edit the plan's lines, or change the scenario it came from");
    }
    Result<Plan> plan = parse_plan(*document);
    if (!plan) return plan.faults();
    std::string name = plan->name;
    return Subject{std::move(name), std::nullopt, std::move(*plan), 0};
  }
  Result<Scenario> scenario = parse_scenario(document->text, path, settings);
  if (!scenario) return scenario.faults();
  const auto start = std::chrono::steady_clock::now();
  Result<Plan> plan = lower(*scenario);
  const std::chrono::duration<double, std::milli> spent = std::chrono::steady_clock::now() - start;
  if (!plan) return plan.faults();
  std::string name = scenario->name;
  return Subject{std::move(name), std::move(*scenario), std::move(*plan), spent.count()};
}

}  // namespace lockstep::tools
