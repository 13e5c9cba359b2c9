// Simulated time: integers, so that the same run gives the same picoseconds everywhere.
//
// A duration is computed in one of two ways. Bytes over a rate are divided exactly and rounded up
// (transfer_time): a transfer ends at the first picosecond at which every byte has gone. All else
// (constants of a cost model, sums and products of them in double) is rounded once, to the nearest
// picosecond, halves up (from_microseconds). Neither uses a function of libm.
//
// No time is ever wrong because it is too long for the clock: then ClockOverflow is thrown.
#pragma once

#include <compare>
#include <concepts>
#include <cstdint>
#include <limits>
#include <stdexcept>
#include <string>

#include "sim/base/error.h"
#include "sim/base/require.h"

namespace lockstep {

// A time does not fit into 64 bits of picoseconds. what() says what takes so long, as far as is
// known; who knows more throws it anew. Whoever answers a person makes a fault of it.
class ClockOverflow : public std::overflow_error {
 public:
  // `what` is the beginning of a sentence, "all_reduce of 8 bytes among 2 ranks"; `hint` says which
  // values to change.
  explicit ClockOverflow(const std::string& what = "what is simulated",
                         std::string hint = "simulate less, or look for a rate that is too low");
  Diagnostic fault() const { return plain_fault(what(), hint_); }

 private:
  std::string hint_;
};

[[noreturn]] void clock_overflow();

// 128 bits, for what 64 do not hold on the way.
__extension__ using WideInteger = __int128;

// Picoseconds. 64 bits hold 106 days; sums, differences and products beyond throw ClockOverflow.
class Duration {
 public:
  constexpr Duration() = default;
  constexpr explicit Duration(std::int64_t picoseconds) : picoseconds_(picoseconds) {}
  // Throws ClockOverflow if they are too many.
  static constexpr Duration of(WideInteger picoseconds) {
    if (picoseconds > std::numeric_limits<std::int64_t>::max()) clock_overflow();
    return Duration(static_cast<std::int64_t>(picoseconds));
  }
  static constexpr Duration zero() { return Duration(0); }
  static constexpr Duration max() { return Duration(std::numeric_limits<std::int64_t>::max()); }

  constexpr std::int64_t count() const { return picoseconds_; }
  constexpr auto operator<=>(const Duration&) const = default;

  constexpr Duration& operator+=(Duration other) {
    if (__builtin_add_overflow(picoseconds_, other.picoseconds_, &picoseconds_)) clock_overflow();
    return *this;
  }
  constexpr Duration& operator-=(Duration other) {
    if (__builtin_sub_overflow(picoseconds_, other.picoseconds_, &picoseconds_)) clock_overflow();
    return *this;
  }
  friend constexpr Duration operator+(Duration a, Duration b) { return a += b; }
  friend constexpr Duration operator-(Duration a, Duration b) { return a -= b; }
  template <std::integral Integer>
  friend constexpr Duration operator*(Integer times, Duration each) {
    if (__builtin_mul_overflow(times, each.picoseconds_, &each.picoseconds_)) clock_overflow();
    return each;
  }
  template <std::integral Integer>
  friend constexpr Duration operator*(Duration each, Integer times) {
    return times * each;
  }

 private:
  std::int64_t picoseconds_ = 0;
};
// Since the start of the run.
using Time = Duration;

// The nearest whole number, halves up. REQUIRES: value >= 0, and it fits.
template <class Whole = std::int64_t>
constexpr Whole nearest(double value) {
  const auto whole = static_cast<Whole>(value);
  return value - static_cast<double>(whole) >= 0.5 ? whole + 1 : whole;
}

// Throws ClockOverflow from 2^63 ps on. REQUIRES: us >= 0.
constexpr Duration from_microseconds(double us) {
  const double picoseconds = us * 1e6;
  if (!(picoseconds < 0x1p63)) clock_overflow();
  return Duration(nearest(picoseconds));
}
constexpr double in_microseconds(Duration d) { return static_cast<double>(d.count()) / 1e6; }

// How fast bytes flow, in whole micro-bytes per second. 64 bits would hold 9.2 TB/s, less than the
// links of a large node together. REQUIRES: not negative, and at most 10^15 GB/s.
struct Rate {
  WideInteger micro_bytes_per_s = 0;

  // GB = 1e9 bytes, as NCCL's tests and vendors count.
  static constexpr Rate gigabytes_per_s(double value) {
    return {nearest<WideInteger>(value * 1e15)};
  }
  constexpr double in_gigabytes_per_s() const {
    return static_cast<double>(micro_bytes_per_s) / 1e15;
  }
  constexpr auto operator<=>(const Rate&) const = default;
};

// ceil(bytes / rate). Throws ClockOverflow if that takes longer. REQUIRES: bytes >= 0, rate > 0.
constexpr Duration transfer_time(std::int64_t bytes, Rate rate) {
  LOCKSTEP_ASSERT(bytes >= 0 && rate.micro_bytes_per_s > 0);
  const WideInteger scaled = WideInteger{bytes} * 1'000'000'000'000'000'000;  // 1e6 * 1e12
  return Duration::of((scaled + rate.micro_bytes_per_s - 1) / rate.micro_bytes_per_s);
}

}  // namespace lockstep
