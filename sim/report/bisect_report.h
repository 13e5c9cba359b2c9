// What a bisection found, for a person and for a program.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "sim/report/style.h"
#include "sim/scenario/bisect.h"

namespace lockstep {

// The verdict at the start, a line for each change of it or of what is violated, the positions at
// which nothing could be decided, grouped by the reason, and the first change of the verdict.
// `all`: every position too.
std::string bisect_text(const Bisection& bisection, const Style& style, bool all);

// Schema lockstep.bisect/1: {schema, scenario, from, to, first_change, changes: [{position,
// pull_request, merged, verdict_before, verdict_after, layers_before, layers_after, first}],
// positions: [{position, pull_request, merged, verdict, plan_hash, why}], notes, measured}.
nlohmann::ordered_json bisect_json(const Bisection& bisection, double wall_ms);

}  // namespace lockstep
