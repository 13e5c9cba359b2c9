// The `expect` key.
#pragma once

#include <optional>

#include "sim/scenario/checker.h"
#include "sim/scenario/scenario.h"

namespace lockstep {

// What the scenario `root` expects; nullopt if it has no `expect`. Faults are reported.
std::optional<Expect> read_expect(Checker& checker, const Node& root);

}  // namespace lockstep
