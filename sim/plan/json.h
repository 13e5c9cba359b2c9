// A plan as JSON, schema lockstep.plan/1: the text form with every default written out, and the
// hash. parse_plan() reads it back.
#pragma once

#include <nlohmann/json.hpp>

#include "sim/plan/plan.h"

namespace lockstep {

// REQUIRES: validate(plan) is empty.
nlohmann::ordered_json plan_json(const Plan& plan);

// One line of JSON; bytes that are not UTF-8 are replaced.
std::string dump(const nlohmann::ordered_json& json);

}  // namespace lockstep
