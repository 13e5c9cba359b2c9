// Seeded serving plans, right and wrong ones: the same bits on both backends. LOCKSTEP_SEED and
// LOCKSTEP_PROCESS_CASES choose another sequence or a longer run.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include "sim/plan/text.h"
#include "tests/differential/cases.h"
#include "tests/differential/environment.h"
#include "tests/process_replay/backends.h"

namespace lockstep::test {
namespace {

constexpr std::int64_t kCases = 600;
constexpr std::uint64_t kSeed = 20260510;

numeric::ReplayOptions options_of(std::int64_t index) {
  numeric::ReplayOptions options;
  options.propagate = index % 3 == 1;
  options.garbage = index % 4 == 0 ? numeric::Garbage::finite : numeric::Garbage::nan;
  options.storage = index % 5 == 2   ? numeric::Storage::bfloat16
                    : index % 5 == 4 ? numeric::Storage::float16
                                     : numeric::Storage::float32;
  return options;
}

TEST_CASE("serving plans give the same bits in one process and on one process per rank") {
  const auto seed = static_cast<std::uint64_t>(
      from_environment("LOCKSTEP_SEED", static_cast<std::int64_t>(kSeed)));
  const std::int64_t wanted = from_environment("LOCKSTEP_PROCESS_CASES", kCases);
  std::int64_t cases = 0;
  std::int64_t stopped = 0;
  std::int64_t diverging = 0;
  for (std::int64_t index = 0; cases < wanted; ++index) {
    REQUIRE(index < 10 * wanted);
    const std::optional<Case> drawn = make_case(seed, index);
    if (!drawn) continue;
    ++cases;
    const std::string why = difference_of_backends(drawn->plan, options_of(index));
    if (!why.empty()) {
      fmt::print("case {} of seed {}: {}\n{}\n{}", index, seed, drawn->description, why,
                 print(drawn->plan));
    }
    REQUIRE(why == "");
    const numeric::ReplayVerdict verdict = numeric::replay(drawn->plan, {}).verdict;
    if (verdict == numeric::ReplayVerdict::stopped) ++stopped;
    if (verdict == numeric::ReplayVerdict::diverges) ++diverging;
  }
  fmt::print("seed {}: {} cases on processes, {} diverge, {} stop\n", seed, cases, diverging,
             stopped);
  CHECK(diverging * 5 >= cases);
  CHECK(stopped * 20 >= cases);
}

}  // namespace
}  // namespace lockstep::test
