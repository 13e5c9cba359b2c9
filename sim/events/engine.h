// Runs a program in simulated time.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "sim/events/program.h"

namespace lockstep {

// What never came.
inline constexpr Time kNever{-1};

// When one action happened. issued <= ready <= begin <= end, as far as it came.
struct Moment {
  Time issued = kNever;  // the host had issued it
  Time ready = kNever;   // and its stream had come to it: what it stood behind was over
  // And who it meets was there: [ready, begin) is waiting for others. An exchange begins when both
  // of its partners are there; a wait, when its event has been recorded. With a schedule members
  // send before the last has come, and this is when it came, or its own end if that was earlier.
  Time begin = kNever;
  Time end = kNever;
  // What let it begin: the end of the action at position `last_action` of rank `last_rank`; -1:
  // the host of that rank, which had not issued it before. Following it from the last end
  // backwards gives the critical path.
  std::int32_t last_rank = -1;
  std::int32_t last_action = -1;

  bool is_over() const { return end >= Time::zero(); }
};

// Why a program cannot go on.
struct Stuck {
  struct Wait {
    int rank = -1;
    int action = -1;     // position in the rank's list
    int waits_for = -1;  // the rank that it waits for
    bool operator==(const Wait&) const = default;
  };
  enum class Cause : std::uint8_t { mismatch, deadlock } cause = Cause::deadlock;
  // A mismatch: the calls of all members, each with a member whose call is another. A deadlock:
  // the cycle, smallest rank first (who waits for its own rank waits for another of its streams);
  // or, without one, the chain that ends at a rank which never comes: it makes no such call.
  std::vector<Wait> waits;
};

struct Timeline {
  std::vector<std::vector<Moment>> of_rank;  // as Program::of_rank
  Time end{};                                // of the last action that ended
  std::int64_t events = 0;                   // taken from the queue; between meetings none
  std::int64_t messages = 0;                 // of schedules
  std::uint64_t trace_hash = 0;  // of (rank, action, begin, end) of every action that is over
  std::optional<Stuck> stuck;
};

// REQUIRES: numbers in range; communicators name each member once. The same program gives the same
// timeline, everywhere.
Timeline run(const Program& program);

}  // namespace lockstep
