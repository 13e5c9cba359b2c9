// What the run would have to do faster to end earlier: the chain of actions, each begun by the end
// of the one before it, that ends last.
#pragma once

#include <vector>

#include "sim/cost/timeline/timed_program.h"
#include "sim/events/engine.h"

namespace lockstep {

// One action of the chain, or several of one operation on one rank behind each other.
struct ChainLink {
  int rank = -1;
  int label = -1;  // the first action's; -1: the host, which launched what came until then
  Time begin{};    // the end of the link before
  Time end{};
  Duration duration() const { return end - begin; }
};

// In the order of time; the durations sum to the end of the run. REQUIRES: nothing is stuck.
std::vector<ChainLink> critical_path(const TimedProgram& timed, const Timeline& timeline);

}  // namespace lockstep
