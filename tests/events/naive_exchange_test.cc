#include "tests/events/naive_exchange.h"

#include <doctest/doctest.h>

#include "sim/base/random.h"
#include "tests/events/random_exchange.h"
#include "tests/events/schedules.h"

namespace lockstep {

namespace {

void check_equal(const ExchangeResult& fast, const ExchangeResult& naive) {
  REQUIRE(fast.ends == naive.ends);
  REQUIRE(fast.end == naive.end);
  REQUIRE(fast.messages == naive.messages);
  REQUIRE(fast.link_bytes == naive.link_bytes);
  REQUIRE(fast.trace_hash == naive.trace_hash);  // every message's time
}

// Everybody to everybody in one round, 1 to 256 KiB each.
WrittenSchedule uneven_all_to_all(Random& random, int parties) {
  std::vector<std::vector<Round>> rounds(static_cast<std::size_t>(parties));
  for (int from = 0; from < parties; ++from) {
    Round round;
    round.receives = parties - 1;
    for (int i = 1; i < parties; ++i) {
      round.sends.push_back({(from + i) % parties, 1024 + random.below(255 * 1024), 0});
    }
    rounds[static_cast<std::size_t>(from)].push_back(round);
  }
  return WrittenSchedule(std::move(rounds));
}

}  // namespace

TEST_CASE("any exchange takes the picoseconds of a naive simulator, on any fabric") {
  for (std::uint64_t seed = 0; seed < 2000; ++seed) {
    CAPTURE(seed);
    Random random(seed);
    const auto parties = static_cast<int>(2 + random.below(9));
    const Fabric fabric = random_fabric(random, parties);
    const WrittenSchedule schedule = random_schedule(random, parties);
    const auto starts = random_starts(random, parties, random.chance(1, 2) ? 0 : 3'000'000);
    const ExchangeResult fast = run_exchange(schedule, fabric, starts);
    check_equal(fast, naive_exchange(schedule, fabric, starts));
    REQUIRE(fast.trace_hash == run_exchange(schedule, fabric, starts).trace_hash);
  }
}

TEST_CASE("an uneven all-to-all with late starts takes the picoseconds of a naive max-min solver") {
  constexpr int kParties = 64;
  Random random(64);
  const Fabric fabric = uniform_fabric(kParties, Rate::gigabytes_per_s(50), from_microseconds(0.5));
  const WrittenSchedule schedule = uneven_all_to_all(random, kParties);
  const auto starts = random_starts(random, kParties, 50'000'000);
  check_equal(run_exchange(schedule, fabric, starts), naive_exchange(schedule, fabric, starts));
}

}  // namespace lockstep
