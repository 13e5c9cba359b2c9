// SGLang's rules with their history (reference sheet, sections 3.4, 5 and 6). docs/sglang_rules.md
// has the same tables in Markdown, held to these by a test.
#pragma once

#include <string>
#include <vector>

#include "sim/serving/family.h"
#include "sim/serving/rule.h"

namespace lockstep::sglang {

// The rules of a model of `family`, in the order in which they are decided: the common ones, with
// those histories that the family has of its own. `architecture` is the model's. The texts belong
// to `family`, which outlives the rules.
std::vector<Rule> rules_of(const Family& family, const std::string& architecture);

// The common rules: those of a family that asks nothing.
std::vector<Rule> common_rules();

// The rules of the system `plain`: every producer sums at once, nothing is deferred.
std::vector<Rule> plain_rules();

std::vector<std::string> rule_names();

// Whether the pull request is in the rule timeline, and whether it was merged before another.
// REQUIRES of merged_before(): both are.
bool is_timeline_entry(int pull_request);
bool merged_before(int pull_request, int other);

// The rules, families and inputs as Markdown tables.
std::string rules_as_markdown();

}  // namespace lockstep::sglang
