// Several settings that together make a scenario hold, where no single one does.
#pragma once

#include <optional>

#include "sim/scenario/fixes.h"

namespace lockstep {

// Mends the first violation, then the first of what is left, and so on: at most three settings,
// none of which can be spared. nullopt if that leads nowhere.
std::optional<Fix> find_composite(const Scenario& scenario, const Plan& plan,
                                  const contract::CheckResult& result);

// The scenario with `settings`, lowered and checked; nullopt where that is refused or unknown.
struct Trial {
  Scenario scenario;
  Plan plan;
  contract::CheckResult result;

  bool holds() const { return result.verdict == contract::Verdict::holds; }
};
std::optional<Trial> try_settings(const Scenario& scenario, const std::vector<Setting>& settings);

}  // namespace lockstep
