// Who meets whom. Collectives on one communicator object match by call number: since a call blocks,
// the calls in hand are always the members' calls of the same number.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "sim/plan/plan.h"

namespace lockstep::numeric {

// A member's call: the operation it stands at, and the rows of what it passes (-1: never written).
struct Call {
  int rank = 0;
  int operation = 0;
  std::int64_t rows = -1;
};

class Rendezvous {
 public:
  explicit Rendezvous(const Plan& plan);

  // Posts a call of `group`. Returns the calls of all members in group order if it was the last to
  // arrive, else nothing. Two groups with the same object and members are one communicator.
  std::vector<Call> arrive(GroupId group, Call call);

  // The communicator on which `rank` calls `group`; point-to-point calls match within it, too.
  // REQUIRES: `rank` is a member.
  int communicator(GroupId group, int rank) const;

  // Calls that wait for somebody, one entry per communicator.
  struct Waiting {
    std::vector<Call> present;
    std::vector<int> absent;
  };
  std::vector<Waiting> waiting() const;

 private:
  struct Communicator {
    std::string object;
    std::vector<int> members;
    std::vector<Call> present;
  };

  std::vector<Communicator> communicators_;
  std::vector<std::vector<int>> by_group_and_rank_;
};

// Why the calls of a communicator do not fit together, or are ones that the library refuses; empty
// if they are fine. `calls`: of all members, in group order.
std::string mismatch(const Plan& plan, const std::vector<Call>& calls);

}  // namespace lockstep::numeric
