#include "sim/base/random.h"

#include <doctest/doctest.h>

#include <array>

using lockstep::mix64;
using lockstep::Random;

TEST_CASE("mixing is SplitMix64, with its published first outputs for seed 0") {
  // SplitMix64 with state 0 returns mix(1 * golden), mix(2 * golden), ...
  constexpr std::uint64_t kGolden = 0x9E3779B97F4A7C15ULL;
  CHECK(mix64(0) == 0xE220A8397B1DCDAFULL);
  CHECK(mix64(kGolden) == 0x6E789E6AA1B965F4ULL);
}

TEST_CASE("the same seed draws the same numbers, another seed others") {
  Random a(7);
  Random b(7);
  Random c(8);
  bool differs = false;
  for (int i = 0; i < 16; ++i) {
    const std::uint64_t drawn = a.next();
    CHECK(drawn == b.next());
    differs = differs || drawn != c.next();
  }
  CHECK(differs);
}

TEST_CASE("a copy continues from the same place") {
  Random original(3);
  original.next();
  Random copy = original;
  CHECK(copy.next() == original.next());
}

TEST_CASE("draws below a bound stay in range and reach every value evenly") {
  Random random(1);
  std::array<int, 6> counts{};
  for (int i = 0; i < 6000; ++i) {
    const std::int64_t drawn = random.below(6);
    REQUIRE(drawn >= 0);
    REQUIRE(drawn < 6);
    ++counts[static_cast<std::size_t>(drawn)];
  }
  // Mean 1000, standard deviation sqrt(6000 * 1/6 * 5/6) = 29: six of them is 174.
  for (const int count : counts) {
    CHECK(count > 826);
    CHECK(count < 1174);
  }
}

TEST_CASE("a chance of 0 never happens, of 1 always") {
  Random random(1);
  for (int i = 0; i < 100; ++i) {
    CHECK_FALSE(random.chance(0, 5));
    CHECK(random.chance(5, 5));
  }
}
