// What the tests of crews share: short limits, and ways for a member to say that something is
// wrong.
#pragma once

#include <chrono>
#include <source_location>
#include <string>
#include <thread>
#include <vector>

#include "backend/process/control.h"
#include "backend/process/crew.h"
#include "backend/process/mesh.h"

namespace lockstep::process {

using std::chrono::milliseconds;
using std::chrono::seconds;

// Sanitizers make everything many times dearer: tests that count on speed do less.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
inline constexpr bool kIsSanitized = true;
#else
inline constexpr bool kIsSanitized = false;
#endif

// Limits far above what anything takes, so that a busy machine fails no test, and far below a
// person's patience.
CrewOptions crew_of(int ranks);

// Starts, waits. The text of the failure is in the test's log if there is one.
Outcome run_crew(const CrewOptions& options, const Body& body);

// In a member, instead of doctest's CHECK, which speaks to the coordinator's process: throws a text
// with its place.
void expect(bool condition, std::source_location where = std::source_location::current());

// All other members, observer included.
std::vector<int> others(const Member& member);

std::vector<std::byte> pattern(std::size_t bytes, std::uint64_t seed);

inline void sleep_for(milliseconds time) { std::this_thread::sleep_for(time); }

// Waits until `condition` holds, at most for twenty seconds; false if it never did.
template <class Condition>
bool comes_true(Condition condition) {
  const auto limit = std::chrono::steady_clock::now() + seconds(20);
  while (!condition()) {
    if (std::chrono::steady_clock::now() > limit) return false;
    sleep_for(milliseconds(1));
  }
  return true;
}

}  // namespace lockstep::process
