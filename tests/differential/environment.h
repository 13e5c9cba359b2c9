// What the environment says of a seeded test: LOCKSTEP_SEED, LOCKSTEP_CASES and their like.
#pragma once

#include <cstdint>

namespace lockstep::test {

// The number in a variable of the environment, or `otherwise`.
std::int64_t from_environment(const char* name, std::int64_t otherwise);

}  // namespace lockstep::test
