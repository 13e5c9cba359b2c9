// What messages a collective algorithm sends: rounds of every party, asked for one at a time, so
// that nobody holds the 33 million messages of a ring of 4,096.
#pragma once

#include <cstdint>
#include <vector>

#include "sim/base/time.h"

namespace lockstep {

// One message of a round.
struct Send {
  int to = 0;              // the receiving party
  std::int64_t bytes = 0;  // > 0
  int round = 0;           // the round of the receiver that waits for it
  bool operator==(const Send&) const = default;
};

// A party begins a round when its last one is over; it then posts all sends of the round at once
// (they share its links), and the round is over when all of them have been delivered and
// `receives` messages addressed to this round have arrived; then `work` (the arithmetic of a
// reduction) takes its time. A message may arrive before its receiver has come to that round: it
// waits there. What a round sends depends only on rounds before it.
class Schedule {
 public:
  virtual ~Schedule() = default;

  // The ranks of the group, in group order; behind them, what is no rank but takes part: a switch
  // that sums or copies (NVLS).
  virtual int parties() const = 0;
  virtual int rounds(int party) const = 0;
  // Appends the messages of `party` in `round`. REQUIRES: 0 <= round < rounds(party).
  virtual void sends(int party, int round, std::vector<Send>& out) const = 0;
  virtual int receives(int party, int round) const = 0;
  virtual Duration work(int /*party*/, int /*round*/) const { return Duration::zero(); }
};

}  // namespace lockstep
