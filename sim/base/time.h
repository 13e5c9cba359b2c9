// Simulated time: integers, so that the same run gives the same picoseconds everywhere.
//
// A duration is computed in one of two ways. Bytes over a rate are divided exactly and rounded up
// (transfer_time): a transfer ends at the first picosecond at which every byte has gone. All else
// (constants of a cost model, sums and products of them in double) is rounded once, to the nearest
// picosecond, halves up (from_microseconds). Neither uses a function of libm.
#pragma once

#include <chrono>
#include <cstdint>

#include "sim/base/require.h"

namespace lockstep {

// Picoseconds. 64 bits hold 106 days.
using Duration = std::chrono::duration<std::int64_t, std::pico>;
// Since the start of the run.
using Time = Duration;

// The nearest whole number, halves up. REQUIRES: value >= 0, and it fits.
constexpr std::int64_t nearest(double value) {
  const auto whole = static_cast<std::int64_t>(value);
  return value - static_cast<double>(whole) >= 0.5 ? whole + 1 : whole;
}

constexpr Duration from_microseconds(double us) { return Duration(nearest(us * 1e6)); }
constexpr double in_microseconds(Duration d) { return static_cast<double>(d.count()) / 1e6; }

// How fast bytes flow, in whole micro-bytes per second, up to 9.2 TB/s. REQUIRES: not negative.
struct Rate {
  std::int64_t micro_bytes_per_s = 0;

  // GB = 1e9 bytes, as NCCL's tests and vendors count.
  static constexpr Rate gigabytes_per_s(double value) { return {nearest(value * 1e15)}; }
  constexpr double in_gigabytes_per_s() const {
    return static_cast<double>(micro_bytes_per_s) / 1e15;
  }
  constexpr auto operator<=>(const Rate&) const = default;
};

// ceil(bytes / rate). REQUIRES: bytes >= 0, rate > 0, and the result fits in a Duration.
constexpr Duration transfer_time(std::int64_t bytes, Rate rate) {
  LOCKSTEP_ASSERT(bytes >= 0 && rate.micro_bytes_per_s > 0);
  __extension__ using Wide = unsigned __int128;
  const auto per_s = static_cast<Wide>(rate.micro_bytes_per_s);
  const Wide scaled = static_cast<Wide>(bytes) * 1'000'000'000'000'000'000ULL;  // 1e6 * 1e12
  return Duration(static_cast<std::int64_t>((scaled + per_s - 1) / per_s));
}

}  // namespace lockstep
