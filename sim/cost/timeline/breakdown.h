// Where the time of a run went: by rank, by operation, by step.
#pragma once

#include <cstdint>
#include <vector>

#include "sim/cost/timeline/timed_program.h"
#include "sim/events/engine.h"
#include "sim/plan/plan.h"

namespace lockstep {

// A stretch of a rank's time. Where streams overlap, the first that applies counts, so that the
// four sum to the stretch: communication is what no computation hides.
struct Split {
  Duration compute{};        // some stream runs a kernel
  Duration communication{};  // some stream moves data: everybody is there
  Duration wait{};           // some stream waits for a member of a collective, or a peer
  Duration idle{};           // none of it: launches, events, the end of the others

  Duration total() const { return compute + communication + wait + idle; }
  bool operator==(const Split&) const = default;
};

// Of picoseconds summed over ranks, which may be more than the clock holds.
inline double in_microseconds(WideInteger picoseconds) {
  return static_cast<double>(picoseconds) / 1e6;
}

// One operation of the plan, over the ranks that it takes time on. Streams count for themselves
// here: nothing hides anything.
struct OperationTime {
  int operation = -1;
  int label = -1;  // of the first rank: its kernels or call
  int ranks = 0;
  WideInteger sum = 0;       // ps of computing or transferring, over ranks
  Duration most{};           // on one rank
  WideInteger wait_sum = 0;  // ps, for others
  Duration wait_most{};
  std::int64_t calls = 0;  // kernels or collectives started, over ranks
};

struct StepTime {
  Time begin{};  // the end of the step before
  Time end{};
  std::int64_t prompt_tokens = 0;   // of requests with more than one new token, or nothing cached
  std::int64_t decoded_tokens = 0;  // of the others, one each
  std::int64_t tokens() const { return prompt_tokens + decoded_tokens; }
  Duration duration() const { return end - begin; }
};

struct Breakdown {
  Duration makespan{};
  std::vector<Split> ranks;
  std::vector<OperationTime> operations;  // in the order of the plan
  std::vector<StepTime> steps;
};

// REQUIRES: the timeline is of `timed.program`, and nothing is stuck.
Breakdown breakdown(const Plan& plan, const TimedProgram& timed, const Timeline& timeline);

}  // namespace lockstep
