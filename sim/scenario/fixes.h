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
// consumer's rule; an input (padding, a flag). Empty if the scenario holds or nothing tried helps.
std::vector<Fix> find_fixes(const Scenario& scenario, const Plan& plan,
                            const contract::CheckResult& result);

// The scenario's text with `fix` applied and `expect` removed, as YAML.
Result<std::string> apply_fix(const Scenario& scenario, const Fix& fix);

// A node as block-style YAML that parse_yaml reads back to the same values. Comments are lost.
std::string to_yaml(const Node& node);

}  // namespace lockstep
