// SGLang's rules for DeepSeek-family models, with their histories (reference sheet, sections 3.4,
// 5.1-5.4, 5.7, 6.1, 6.2). docs/sglang_rules.md is generated from this table.
#pragma once

#include <span>
#include <string>

#include "sim/serving/rule.h"

namespace lockstep::sglang {

// In the order in which they are decided: a rule reads earlier ones only.
std::span<const Rule> rules();

// The table of rules and inputs as Markdown.
std::string rules_as_markdown();

}  // namespace lockstep::sglang
