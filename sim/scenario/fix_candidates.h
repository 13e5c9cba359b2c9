// What might make a violated scenario hold, not tried yet: rules back as they are built in, rules
// turned over. find_fixes() applies and checks each.
#pragma once

#include <string>
#include <vector>

#include "sim/scenario/fixes.h"

namespace lockstep {

// What the scenario itself has changed, undone, one at a time: an override of serving.rules, a rule
// whose text in the file of serving.family differs from the shipped family's at this revision, and
// last the whole file.
std::vector<Fix> undone_changes(const Scenario& scenario);

// One rule that decided on the first violation, turned over in several ways, the simplest first:
// everywhere; in the layers that are violated; and of a producer, that it leaves its sum exactly
// where the communicator runs it.
struct RuleChange {
  std::string kind;  // "producer_rule", "consumer_rule"
  Fix everywhere;
  std::vector<Fix> narrow;
};

// The rules of the first violation's producer, then of the operation that it is blamed on, each
// once. REQUIRES: result has a violation.
std::vector<RuleChange> rule_changes(const Plan& plan, const contract::CheckResult& result);

}  // namespace lockstep
