// Which random programs a replay can be held against: its gaps, by name.
#pragma once

#include <string>

#include "tests/brute_force/brute_force.h"
#include "tests/brute_force/random_program.h"

namespace lockstep::test {

// Why no number tells what the checker says of `program`; empty: all of it can be compared.
// `brute`: brute_force() of it.
std::string what_no_number_tells(const RandomProgram& program, const BruteForce& brute);

}  // namespace lockstep::test
