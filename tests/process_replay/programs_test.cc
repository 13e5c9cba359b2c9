// Random programs: all kinds of operations, in any order, right and wrong. The same bits on both
// backends. LOCKSTEP_SEED and LOCKSTEP_PROCESS_CASES as in cases_test.cc.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include "sim/plan/text.h"
#include "tests/brute_force/random_program.h"
#include "tests/differential/environment.h"
#include "tests/process_replay/backends.h"

namespace lockstep::test {
namespace {

constexpr std::int64_t kCases = 600;
constexpr std::uint64_t kSeed = 24785;

TEST_CASE("random programs give the same bits in one process and on one process per rank") {
  const auto seed = static_cast<std::uint64_t>(
      from_environment("LOCKSTEP_SEED", static_cast<std::int64_t>(kSeed)));
  const std::int64_t wanted = from_environment("LOCKSTEP_PROCESS_CASES", kCases);
  int stopped = 0;
  for (std::int64_t index = 0; index < wanted; ++index) {
    const RandomProgram program = random_program(seed + static_cast<std::uint64_t>(index));
    numeric::ReplayOptions options;
    options.propagate = index % 4 == 1;
    options.garbage = index % 8 == 0 ? numeric::Garbage::finite : numeric::Garbage::nan;
    options.storage = index % 5 == 2 ? numeric::Storage::bfloat16 : numeric::Storage::float32;
    const std::string why = difference_of_backends(program.plan, options);
    if (!why.empty()) {
      fmt::print("LOCKSTEP_SEED={} LOCKSTEP_PROCESS_CASES=1\n{}\n{}",
                 seed + static_cast<std::uint64_t>(index), why, print(program.plan));
    }
    REQUIRE(why == "");
    if (numeric::replay(program.plan, options).stopped_at >= 0) ++stopped;
  }
  fmt::print("{} programs on processes, {} stop\n", wanted, stopped);
  CHECK(stopped * 50 >= wanted);
}

}  // namespace
}  // namespace lockstep::test
