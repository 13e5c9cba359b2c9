// The result of a replay for a person and for a program.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "backend/numeric/replay.h"
#include "sim/plan/plan.h"
#include "sim/report/style.h"

namespace lockstep {

struct ReplayedPlan {
  std::string scenario;
  std::string backend;
  std::string dtype;
  std::uint64_t seed = 1;
  const Plan& plan;  // as replayed, at its reduced dimensions
  const numeric::ReplayResult& result;
  double wall_ms = 0;
};

std::string replay_text(const ReplayedPlan& replayed, const Style& style, bool all);

// Schema lockstep.replay/1 (design section 4).
nlohmann::ordered_json replay_json(const ReplayedPlan& replayed);

}  // namespace lockstep
