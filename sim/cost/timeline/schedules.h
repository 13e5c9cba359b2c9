// The `messages` fidelity: collectives of a program send their messages instead of taking the time
// that the cost model says.
#pragma once

#include <string>

#include "sim/cost/hardware.h"
#include "sim/cost/timeline/timed_program.h"

namespace lockstep {

// Gives every call of `timed` the schedule of its algorithm, and the program its links. The call
// then takes its launch, and behind it what its messages take at the rates of `hardware`: the
// constants of the cost model for latencies and protocols have no part in it. What has no schedule
// keeps its closed form; TimedProgram::notes says so.
void add_schedules(TimedProgram& timed, int world, const Hardware& hardware);

// The algorithm of docs/cost_models.md whose messages stand for what `call` does, e.g. "direct" for
// NCCL's "p2p"; "" if there is none.
std::string message_algorithm(const TimedCall& timed, const Hardware& hardware);

}  // namespace lockstep
