// Reads the text form of a plan. docs/plan_format.md specifies it.
#pragma once

#include <string>

#include "sim/base/error.h"
#include "sim/base/yaml.h"
#include "sim/plan/plan.h"

namespace lockstep {

// The plan in `text`; it passes validate(). All faults that can be seen at once are reported, each
// with its place: unknown keys and names with the nearest known one, then, where every name is
// known, what validate() finds.
Result<Plan> parse_plan(std::string text, const std::string& file);

// The same from a document that is already read.
Result<Plan> parse_plan(const Document& document);

// True for a file with a top-level `plan:`: a plan, not a scenario.
bool is_plan(const Document& document);

}  // namespace lockstep
