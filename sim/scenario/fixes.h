// What would make a violated scenario hold. Every fix that is offered has been applied and checked.
#pragma once

#include <string>
#include <vector>

#include "sim/contract/check.h"
#include "sim/scenario/scenario.h"

namespace lockstep {

struct Fix {
  std::string kind;               // "revision", "producer_rule", "consumer_rule", "input"
  std::string description;        // one sentence
  std::vector<Setting> settings;  // to apply to the scenario
};

// In the order: the first later revision at which the scenario holds; the producer's rule; the
// consumer's rule; an input (what the scenario changed in the rules or in the family; padding; a
// flag). Rules are turned over everywhere, or where that does not help in the violated layers only.
// Where no rule helps alone, up to three that help together, in one fix, stand before padding and
// flags. Empty if the scenario holds or nothing tried helps.
std::vector<Fix> find_fixes(const Scenario& scenario, const Plan& plan,
                            const contract::CheckResult& result);

// The scenario's text with `fix` applied, as YAML; without what it said of itself as it was:
// `expect`, `bug`, `fix` and `neighbours`.
Result<std::string> apply_fix(const Scenario& scenario, const Fix& fix);

// A node as block-style YAML that parse_yaml reads back to the same values. Comments are lost.
std::string to_yaml(const Node& node);

}  // namespace lockstep
