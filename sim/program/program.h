// Programs: what any system does, in short lines, expanded to a plan. docs/scenario_format.md,
// "Programs", is the specification.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "sim/base/error.h"
#include "sim/base/yaml.h"
#include "sim/plan/plan.h"

namespace lockstep {

// The top-level keys of a file that belong to its program.
const std::vector<std::string>& program_keys();

// The plan that the `program` of `document` says; keys that are not the program's are not looked
// at. Faults have their places. REQUIRES: the root has a `program`.
Result<Plan> read_program(const Document& document, const std::string& name, std::uint64_t seed);

}  // namespace lockstep
