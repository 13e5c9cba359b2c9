#include "backend/numeric/replay.h"

#include "backend/numeric/interpreter.h"
#include "backend/numeric/local_ranks.h"

namespace lockstep::numeric {
namespace {

ReplayResult replay_once(const Plan& plan, const ReplayOptions& options) {
  Weights weights(plan.model, options.seed);
  PlanReference reference(plan, weights, options.storage);
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

ReplayResult replay(const Plan& plan, const ReplayOptions& options) {
  if (!plan.unknown.empty()) {
    ReplayResult result;
    result.verdict = ReplayVerdict::inconclusive;
    return result;
  }
  return with_garbage(options, [&](const ReplayOptions& one) { return replay_once(plan, one); });
}

}  // namespace lockstep::numeric
