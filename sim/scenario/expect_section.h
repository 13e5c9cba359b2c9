// The `expect` key, of a scenario and of its patches.
#pragma once

#include <optional>

#include "sim/scenario/checker.h"
#include "sim/scenario/scenario.h"

namespace lockstep {

// What the scenario `root` expects; nullopt if it has no `expect`. Faults are reported.
std::optional<Expect> read_expect(Checker& checker, const Node& root);
// What the value `map` of an `expect` says.
Expect read_expectation(Checker& checker, const Node& map);

}  // namespace lockstep
