// Streams that touch one buffer without an order between them.
#pragma once

#include <vector>

#include "sim/contract/check.h"
#include "sim/plan/plan.h"

namespace lockstep::contract {

// Two operations of one rank race if they stand on different streams, touch one buffer
// (Tensor::buffer), at least one writing, and nothing orders them. What orders: operations of a
// rank on one stream run in program order; an operation that waits for an event runs after the one
// that last recorded it before that in program order, and after all that came before that one; and
// so on from each to the next. As in CUDA, waiting for an event that nothing has recorded yet waits
// for nothing. A collective orders nothing between streams. `require` touches no memory.
//
// One violation for each pair of operations and buffer, merged over ranks, at the later operation;
// of the operations of one stream, the latest that races. A plan of one stream costs nothing else
// than to see that. REQUIRES: validate(plan) is empty.
std::vector<Violation> stream_races(const Plan& plan);

}  // namespace lockstep::contract
