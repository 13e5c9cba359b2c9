// What to say about single changes added to a revision or taken out of it (serving.with,
// serving.without).
#pragma once

#include <span>
#include <string>
#include <vector>

#include "sim/serving/rule.h"
#include "sim/serving/sglang/timeline.h"

namespace lockstep::sglang {

// One sentence for each toggle and rule where the toggle's own text of the rule does not decide:
// because a later text is in force, or because the rule does not exist in this revision.
std::vector<std::string> toggle_notes(const Revision& revision, std::span<const Rule> rules);

// One sentence for each toggle that lowering never asked about. REQUIRES: revision.asked is set.
std::vector<std::string> idle_toggle_notes(const Revision& revision);

}  // namespace lockstep::sglang
