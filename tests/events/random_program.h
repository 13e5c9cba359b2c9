// Seeded programs of all kinds of actions, for properties.
#pragma once

#include "sim/base/random.h"
#include "sim/events/program.h"

namespace lockstep {

// Up to 6 ranks with up to 3 streams. All ranks issue what they do together in one order, so that
// nothing stands in anything's way for good.
Program random_program(Random& random);
// Swaps a few neighbours in the lists: it may go on, and may not.
void shuffle_a_little(Random& random, Program& program);

}  // namespace lockstep
