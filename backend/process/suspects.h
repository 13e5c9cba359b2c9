// One fault makes many: a member that is killed closes its connections, and everybody who talked to
// it complains. Finds the one that came first among what comes to light in any order.
#pragma once

#include <optional>
#include <vector>

#include "backend/process/failure.h"

namespace lockstep::process {

class Suspects {
 public:
  void add(Accusation accusation);

  bool empty() const { return accusations_.empty(); }
  // True if something is known that cannot be the consequence of what is still to come to light:
  // anything but the loss of a peer, a wait for one that was too long, or a collective that failed.
  bool is_certain() const;
  // True if `member` has been accused: how it ended is known.
  bool is_accused(int member) const;
  // The peer that the best accusation names; -1: nobody.
  int named_peer() const { return best().peer; }

  // The cause as far as it is known: what is certain, else who names a peer that does not itself
  // complain; of equals the first. REQUIRES: !empty().
  const Accusation& best() const;

 private:
  int weight(const Accusation& accusation) const;

  std::vector<Accusation> accusations_;  // as they came
};

}  // namespace lockstep::process
