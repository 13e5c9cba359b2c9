// Collectives whose results do not depend on the order of sums, for whoever carries them out.
#pragma once

#include "tests/numeric/collective.h"

namespace lockstep::test {

// A plan with one communicator of all ranks, on which somebody calls.
Plan plan_of_one_group(int ranks);

// Movements, and sums of small integers in float32: exact in any order.
Collective draw_exact_collective(Random& random, int members);

// Equal numbers; undefined where the other is. Or both never written.
bool same_numbers(const numeric::Held& a, const numeric::Held& b);

}  // namespace lockstep::test
