#include "backend/numeric/replay.h"

#include <algorithm>
#include <cmath>

#include "backend/numeric/interpreter.h"
#include "backend/numeric/local_ranks.h"

namespace lockstep::numeric {
namespace {

// Clean runs reached 23 (docs/replay.md).
constexpr double kToleranceFactor = 64.0;

ReplayResult replay_once(const Plan& plan, const ReplayOptions& options) {
  Weights weights(plan.model, options.seed);
  PlanReference reference(plan, weights);
  LocalRanks ranks(plan, options, weights, reference, [&](const RouterChoice& choice) {
    reference.reference().record_choice(choice);
  });
  Judge judge(plan, options, reference, ranks);
  return Interpreter(plan, options, ranks, judge).run();
}

}  // namespace

std::string to_string(ReplayVerdict verdict) {
  switch (verdict) {
    case ReplayVerdict::agrees:
      return "agrees";
    case ReplayVerdict::diverges:
      return "diverges";
    case ReplayVerdict::stopped:
      return "stopped";
    case ReplayVerdict::inconclusive:
      break;
  }
  return "inconclusive";
}

double tolerance_of(const Plan& plan, Storage storage) {
  const Model& m = plan.model;
  const std::int64_t longest =
      std::max({std::int64_t{m.hidden_size}, std::int64_t{m.intermediate_size}, attention_width(m),
                std::int64_t{m.moe_intermediate_size}, shared_width(m), std::int64_t{plan.world}});
  return kToleranceFactor * unit_roundoff(storage) * std::sqrt(static_cast<double>(longest));
}

ReplayResult replay(const Plan& plan, const ReplayOptions& options) {
  if (!plan.unknown.empty()) {
    ReplayResult result;
    result.verdict = ReplayVerdict::inconclusive;
    return result;
  }
  return with_garbage(options, [&](const ReplayOptions& one) { return replay_once(plan, one); });
}

}  // namespace lockstep::numeric
