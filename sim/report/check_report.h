// The result of a check for a person and for a program.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "sim/contract/check.h"
#include "sim/plan/plan.h"
#include "sim/report/style.h"
#include "sim/scenario/explain.h"
#include "sim/scenario/fixes.h"

namespace lockstep {

// What was checked and what came out.
struct CheckedPlan {
  std::string scenario;  // its name
  const Plan& plan;
  const contract::CheckResult& result;
  std::vector<Fix> fixes;
  std::vector<std::vector<Explanation>> explained;  // per violation; empty: not asked
  // Measured; they go under "measured" only.
  double wall_ms = 0;  // reading, lowering and checking
  double lower_ms = 0;
  double check_ms = 0;
};

// Several lines, the verdict first. `all`: every violation; otherwise the first three and a count.
std::string check_text(const CheckedPlan& checked, const Style& style, bool all);

// Schema lockstep.check/1 (design section 4).
nlohmann::ordered_json check_json(const CheckedPlan& checked);

// For each operation that writes something (of `layer`, or of all if it is -1), the state of every
// rank afterwards: reference sheet, section 7.3. REQUIRES: the result kept its states.
std::string steps_text(const Plan& plan, const contract::CheckResult& result, int layer,
                       const Style& style);

// {"asked", "resolved_after", "epoch"}, and {"with", "without"} where single changes were added or
// taken out.
nlohmann::ordered_json revision_json(const Origin& origin);
// Ranks as a list; as interval text where there are more than 64.
nlohmann::ordered_json ranks_json(const RankSet& ranks);

// "kimi-k2.6-dep8, sglang at 24785^ (after #23748, E2)".
std::string subject_line(const std::string& scenario, const Origin& origin);

}  // namespace lockstep
