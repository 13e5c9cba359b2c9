// The plans of the scenario files, as `lockstep replay` runs them.
#pragma once

#include <functional>
#include <string>

#include "sim/plan/plan.h"
#include "sim/scenario/scenario.h"

namespace lockstep::test {

// Of few tokens and at reduced dimensions; a hand-written program keeps its tokens.
Result<Plan> plan_to_replay(const Scenario& scenario);

// Calls `visit` with each different plan of a scenario file, its fix and its neighbours, of at most
// `most_ranks` ranks; `name` says which. Plans of unknown facts are left out. How many there were.
std::size_t for_each_scenario_plan(
    int most_ranks, const std::function<void(const std::string& name, const Plan& plan)>& visit);

}  // namespace lockstep::test
