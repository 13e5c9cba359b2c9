// Seeded faults in scenarios that hold: what somebody does who overrides a rule, or ports a model
// and describes its family wrongly.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

#include "sim/base/random.h"
#include "sim/scenario/scenario.h"

namespace lockstep::test {

struct Mutation {
  std::string text;     // the scenario's; its family file, if it names one, is beside it
  std::string what;     // preset, layout, revision and what was changed
  bool ported = false;  // a family whose architecture no shipped family names
};

// A scenario that holds, with `faults` changes, each of which alters the plan; nullopt if what was
// drawn does not hold or cannot be changed like that. Family files are written to `folder`, and
// the scenario is to be parsed as folder / "scenario.yaml".
std::optional<Mutation> draw_mutation(Random& random, int faults,
                                      const std::filesystem::path& folder);

}  // namespace lockstep::test
