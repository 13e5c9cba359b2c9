#include "backend/numeric/replay.h"

#include "backend/numeric/interpreter.h"

namespace lockstep::numeric {

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
  return Interpreter(plan, options).run();
}

}  // namespace lockstep::numeric
