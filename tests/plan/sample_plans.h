// Plans for the tests of sim/plan: one that is small enough to read, and random ones.
#pragma once

#include <cstdint>

#include "sim/plan/plan.h"

namespace lockstep::test {

// Two ranks, three tokens on rank 0 and one on rank 1. A norm of each rank's own rows, gathered; a
// dense feed-forward sharded over both; its sum; and the requirement that it is right.
Plan sample_plan();

// A well-formed plan with operations of every kind, drawn from `seed`. It means nothing.
Plan random_plan(std::uint64_t seed);

}  // namespace lockstep::test
