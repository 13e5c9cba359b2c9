// Seeded random programs: mostly right ones, and small faults in them.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "sim/base/random.h"
#include "sim/plan/plan.h"

namespace lockstep::test {

struct ProgramOptions {
  // Operations of hand-written programs (compute and what follows it), and reductions but sums.
  bool later_kinds = true;
};

// Draws a program that is right: a world of 2 to 8 ranks, groups along its axes, one to three
// steps with uneven tokens, some of them none. `of_model`: with operations of a model (norm,
// experts, ...), which a replay takes for those of the model and no others.
Plan right_program(Random& random, const ProgramOptions& options, bool of_model);

// Changes one thing, as a careless engineer would. Returns what was done; empty: nothing to change
// was found. The result may be no plan: call validate().
std::string spoil(Plan& plan, Random& random, const ProgramOptions& options);

struct RandomProgram {
  Plan plan;
  std::vector<std::string> faults;  // what spoil() said
  bool of_model = false;
};

// The program of `seed`: valid, with at most three faults.
RandomProgram random_program(std::uint64_t seed, const ProgramOptions& options = {});

}  // namespace lockstep::test
