// The replay in one process beside the replay on one process per rank.
#pragma once

#include <string>

#include "backend/process/replay.h"
#include "sim/plan/plan.h"

namespace lockstep::test {

// The first difference between the two, in words: a failure of the processes, or results that are
// not the same bits. Empty if there is none.
std::string difference_of_backends(const Plan& plan, const numeric::ReplayOptions& options);

// The result of the processes. A failure of theirs is a failed assertion.
numeric::ReplayResult on_processes(const Plan& plan, const numeric::ReplayOptions& options);

}  // namespace lockstep::test
