// A wait ends when what is waited for comes, or when nobody gets anything done any more.
#include "backend/nccl/launch/watchdog.h"

#include <doctest/doctest.h>

#include <stdexcept>
#include <vector>

namespace lockstep::test {
namespace {

using nccl::Watchdog;
using std::chrono::microseconds;
using std::chrono::milliseconds;

// A clock that only pauses move, and a microsecond per look.
struct Time {
  Watchdog::Clock::time_point now{};
  std::uint64_t beats = 0;
  std::vector<microseconds> pauses = {};

  Watchdog watchdog(milliseconds limit) {
    return Watchdog(
        limit, [this] { return beats; }, [this] { return now += microseconds(1); },
        [this](microseconds pause) {
          pauses.push_back(pause);
          now += pause;
        });
  }
  milliseconds passed() const {
    return std::chrono::duration_cast<milliseconds>(now.time_since_epoch());
  }
};

TEST_CASE("what is there at once is not waited for, and what comes soon without a pause") {
  Time time;
  CHECK(time.watchdog(milliseconds(10)).wait_until([] { return true; }));
  int looks = 0;
  CHECK(time.watchdog(milliseconds(10)).wait_until([&] { return ++looks == 100; }));
  CHECK(time.pauses.empty());
}

TEST_CASE("what does not come is given up after the limit, give or take a pause") {
  Time time;
  CHECK_FALSE(time.watchdog(milliseconds(50)).wait_until([] { return false; }));
  CHECK(time.passed() >= milliseconds(50));
  CHECK(time.passed() <= milliseconds(52));
  CHECK(time.pauses.front() == microseconds(10));
  CHECK(time.pauses.back() == milliseconds(1));
}

TEST_CASE("slow is no failure: as long as somebody gets something done, it goes on") {
  Time time;
  const Watchdog watchdog = time.watchdog(milliseconds(50));
  CHECK(watchdog.wait_until([&] {
    time.beats = static_cast<std::uint64_t>(time.passed() / milliseconds(40));
    return time.passed() >= milliseconds(1000);
  }));
  CHECK_FALSE(watchdog.wait_until([] { return false; }));
  CHECK(time.passed() <= milliseconds(1052));
}

TEST_CASE("what comes in the last moment counts") {
  Time time;
  CHECK(time.watchdog(milliseconds(50)).wait_until([&] {
    return time.passed() >= milliseconds(50);
  }));
}

TEST_CASE("what the question throws ends the wait") {
  Time time;
  CHECK_THROWS_AS(time.watchdog(milliseconds(50)).wait_until([]() -> bool {
    throw std::runtime_error("remote error");
  }),
                  std::runtime_error);
}

}  // namespace
}  // namespace lockstep::test
