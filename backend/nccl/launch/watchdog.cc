#include "backend/nccl/launch/watchdog.h"

#include <algorithm>
#include <thread>
#include <utility>

namespace lockstep::nccl {

using std::chrono::microseconds;

Watchdog::Watchdog(std::chrono::milliseconds limit, std::function<std::uint64_t()> beats,
                   std::function<Clock::time_point()> now, std::function<void(microseconds)> pause)
    : limit_(limit), beats_(std::move(beats)), now_(std::move(now)), pause_(std::move(pause)) {
  if (!pause_) pause_ = [](microseconds time) { std::this_thread::sleep_for(time); };
}

bool Watchdog::wait_until(const std::function<bool()>& is_done) const {
  constexpr microseconds kBusy{200};
  constexpr microseconds kShortest{10};
  constexpr microseconds kLongest{1000};
  const Clock::time_point begin = now_();
  std::uint64_t beats = beats_();
  Clock::time_point last_beat = begin;
  microseconds pause = kShortest;
  while (!is_done()) {
    const Clock::time_point now = now_();
    if (std::exchange(beats, beats_()) != beats) last_beat = now;
    if (now - last_beat >= limit_) return is_done();
    if (now - begin < kBusy) continue;
    pause_(pause);
    pause = std::min(2 * pause, kLongest);
  }
  return true;
}

}  // namespace lockstep::nccl
