// How nccl-tests counts a collective (nccl-tests, doc/PERFORMANCE.md).
#pragma once

#include "sim/cost/collective_call.h"

namespace lockstep {

// Whether each member has or gets a block of its own: gathers, scatters, exchanges.
bool is_of_blocks(Collective kind);
// Whether elements are summed; "none" stands for redop where they are not.
bool sums(Collective kind);

// busbw where algbw is `rate`, in its unit: 2 (n - 1) / n of it for all-reduces, (n - 1) / n where
// there are blocks, all of it for the others. REQUIRES: ranks >= 1.
double bus_rate(Collective kind, int ranks, double rate);

}  // namespace lockstep
