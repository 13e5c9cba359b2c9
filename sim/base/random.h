// Seeded random numbers whose values are the same on every machine, compiler and library.
#pragma once

#include <cstdint>

namespace lockstep {

// Stateless mixing of a 64-bit word (the finaliser of SplitMix64, Steele et al., OOPSLA 2014).
constexpr std::uint64_t mix64(std::uint64_t x) {
  x += 0x9E3779B97F4A7C15ULL;
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9ULL;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EBULL;
  return x ^ (x >> 31);
}

// A stream of draws. Copyable: a copy continues from the same place.
class Random {
 public:
  explicit constexpr Random(std::uint64_t seed) : state_(seed) {}

  constexpr std::uint64_t next() { return mix64(state_ += 0x9E3779B97F4A7C15ULL); }
  // Uniform in [0, bound). REQUIRES: bound > 0. (The bias, under bound / 2^64, is accepted.)
  constexpr std::int64_t below(std::int64_t bound) {
    return static_cast<std::int64_t>(next() % static_cast<std::uint64_t>(bound));
  }
  // True `numerator` times in `denominator`.
  constexpr bool chance(std::int64_t numerator, std::int64_t denominator) {
    return below(denominator) < numerator;
  }

 private:
  std::uint64_t state_;
};

}  // namespace lockstep
