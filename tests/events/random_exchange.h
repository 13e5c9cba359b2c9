// Seeded schedules and fabrics of all shapes, for properties.
#pragma once

#include <vector>

#include "sim/base/random.h"
#include "sim/events/fabric.h"
#include "tests/events/schedules.h"

namespace lockstep {

// One to three nodes; local ports, NICs of one party or shared ones, uplinks or none; a medium that
// is one link in both directions, at times; latencies that differ, or are zero.
Fabric random_fabric(Random& random, int parties);
// Up to 5 rounds a party, with 0 to 4 messages each, for this or a later round of their receivers.
WrittenSchedule random_schedule(Random& random, int parties);
std::vector<Time> random_starts(Random& random, int parties, std::int64_t most_ps);

}  // namespace lockstep
