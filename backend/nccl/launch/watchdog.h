// Waits that end: what is waited for comes, or nobody gets anything done any more.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>

namespace lockstep::nccl {

class Watchdog {
 public:
  using Clock = std::chrono::steady_clock;

  // `beats` grows whenever anybody in the run gets something done (process::Board::beats): slow is
  // no failure, and a rank that waits for a slow one must not give up. `now` and `pause` are for
  // tests.
  Watchdog(std::chrono::milliseconds limit, std::function<std::uint64_t()> beats,
           std::function<Clock::time_point()> now = Clock::now,
           std::function<void(std::chrono::microseconds)> pause = nullptr);

  std::chrono::milliseconds limit() const { return limit_; }

  // Asks `is_done` until it is; false if nobody has got anything done for the limit meanwhile. Asks
  // without a pause at first, since most waits are short, then with pauses of up to a millisecond.
  // What `is_done` throws ends the wait.
  bool wait_until(const std::function<bool()>& is_done) const;

 private:
  std::chrono::milliseconds limit_;
  std::function<std::uint64_t()> beats_;
  std::function<Clock::time_point()> now_;
  std::function<void(std::chrono::microseconds)> pause_;
};

}  // namespace lockstep::nccl
