// What lowering is given: plain values, already read and typed, not yet judged by a serving system.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <variant>
#include <vector>

#include "sim/base/error.h"
#include "sim/model/model.h"
#include "sim/parallel/batch.h"
#include "sim/parallel/parallel.h"
#include "sim/plan/plan.h"
#include "sim/serving/family.h"

namespace lockstep {

using FlagValue = std::variant<bool, std::int64_t, std::string>;

// The `serving:` keys of a scenario.
struct ServingSpec {
  std::string system = "sglang";             // or "plain"
  std::string revision = "latest";           // "24785^", "24785", "2026-05-01", "latest"
  std::map<std::string, FlagValue> flags;    // server flags by SGLang's names
  std::map<std::string, std::string> env;    // environment variables
  std::map<std::string, std::string> rules;  // rule name -> expression (what-if)
  std::optional<Family> family;  // described beside the scenario; unset: the shipped one
  // What-if: single pull requests added to the revision or taken out of it.
  std::vector<int> with;
  std::vector<int> without;

  bool operator==(const ServingSpec&) const = default;
};

struct LoweringInput {
  std::string name;
  Model model;
  ParallelFlags parallel;
  ServingSpec serving;
  std::string gpu = "hopper";  // GPU generation: ampere, hopper, blackwell, none
  int gpus_per_node = 8;
  std::vector<BatchSpec> steps;
  std::uint64_t seed = 1;

  bool operator==(const LoweringInput&) const = default;
};

// Lowers by the serving system that `input.serving.system` names. Faults carry the scenario path of
// the key at fault ("parallel.dp_size", "serving.revision", "batch.tokens"), without a place.
Result<Plan> lower(const LoweringInput& input);

// The same, and adds to `asked` each pull request whose part in the revision decided something.
// Adding any other one to the revision, or taking it out, would give the same plan.
Result<Plan> lower(const LoweringInput& input, std::set<int>& asked);

}  // namespace lockstep
