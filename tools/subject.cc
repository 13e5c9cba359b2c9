#include "tools/subject.h"

#include <chrono>

#include "backend/numeric/replay.h"
#include "sim/base/yaml.h"
#include "sim/plan/parse.h"
#include "sim/scenario/reduce.h"

namespace lockstep::tools {

Result<Subject> load_subject(const std::string& path, const std::vector<Setting>& settings,
                             const Variant& variant) {
  Result<Document> document = read_yaml(path);
  if (!document) return document.faults();
  if (is_plan(*document)) {
    if (!settings.empty()) {
      return document->fault(document->root, "--set changes scenarios; this is a plan",
                             "edit the plan's lines, or change the scenario it came from");
    }
    if (variant != Variant{}) {
      return document->fault(document->root,
                             "--fixed and --neighbour change scenarios; this is a plan",
                             "edit the plan's lines, or check the scenario it came from");
    }
    Result<Plan> plan = parse_plan(*document);
    if (!plan) return plan.faults();
    std::string name = plan->name;
    return Subject{std::move(name), std::nullopt, std::move(*plan), 0};
  }
  Result<Document> edited = patched(std::move(*document), variant);
  if (!edited) return edited.faults();
  Result<Scenario> scenario = parse_scenario(std::move(*edited), settings);
  if (!scenario) return scenario.faults();
  const auto start = std::chrono::steady_clock::now();
  Result<Plan> plan = lower(*scenario);
  const std::chrono::duration<double, std::milli> spent = std::chrono::steady_clock::now() - start;
  if (!plan) return plan.faults();
  std::string name = scenario->name;
  return Subject{std::move(name), std::move(*scenario), std::move(*plan), spent.count()};
}

Result<Plan> plan_to_replay(const Subject& subject, bool full_size) {
  const auto sized = [&](Plan plan) {
    return full_size ? plan : numeric::at_reduced_dimensions(std::move(plan));
  };
  if (!subject.scenario || subject.scenario->program) return sized(subject.plan);
  Result<Plan> few = lower(at_reduced_tokens(subject.scenario->input, subject.plan));
  if (!few) return few.faults();
  return sized(std::move(*few));
}

}  // namespace lockstep::tools
