// Runs a program in simulated time.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "sim/events/program.h"

namespace lockstep {

// When one action happened. issued <= ready <= begin <= end.
struct Moment {
  Time issued{};  // the host had issued it
  Time ready{};   // and its stream had come to it: what it stood behind was over
  Time begin{};   // and who it meets was there: [ready, begin) is waiting for others
  Time end{};
  // The action before it in time whose end let it begin: of the rank `last_rank`, at position
  // `last_action` of its list; -1: the host's issue, or the start of the run. Following it from
  // the last end backwards gives the critical path.
  std::int32_t last_rank = -1;
  std::int32_t last_action = -1;
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
  std::vector<Wait> waits;  // a mismatch: the members' calls that differ; a deadlock: the cycle,
                            // or the chain that ends at a rank which has nothing more to do
};

struct Timeline {
  std::vector<std::vector<Moment>> of_rank;  // as Program::of_rank; actions never reached: no end
  Time end{};
  std::int64_t events = 0;
  std::int64_t messages = 0;     // of schedules
  std::uint64_t trace_hash = 0;  // of every (rank, action, begin, end), in order of time
  std::optional<Stuck> stuck;
};

// REQUIRES: numbers in range. The same program gives the same timeline, everywhere.
Timeline run(const Program& program);

}  // namespace lockstep
