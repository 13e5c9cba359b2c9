// What a command works on: a scenario, lowered; or a plan file as it stands.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "sim/base/error.h"
#include "sim/plan/plan.h"
#include "sim/scenario/scenario.h"

namespace lockstep::tools {

struct Subject {
  std::string name;
  std::optional<Scenario> scenario;  // none: a plan file
  Plan plan;
  double lower_ms = 0;  // measured; 0 for a plan file
};

// Reads a scenario and lowers it, or a file with a top-level `plan:`. `settings` apply to
// scenarios, after the edits of `variant`; with a plan file both are faults.
Result<Subject> load_subject(const std::string& path, const std::vector<Setting>& settings,
                             const Variant& variant = {});

// The plan that stands for the subject in a replay: of few tokens where it comes from a scenario,
// at reduced dimensions or the model's own.
Result<Plan> plan_to_replay(const Subject& subject, bool full_size = false);

}  // namespace lockstep::tools
