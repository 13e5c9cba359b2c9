// Who meets whom: matches collective calls by communicator object and call number, per rank.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "sim/contract/places.h"
#include "sim/plan/plan.h"

namespace lockstep::contract {

// A rank's call of a collective: which operation it stands at.
struct Arrival {
  int rank = 0;
  int operation = 0;
  bool operator==(const Arrival&) const = default;
};

// Calls on a communicator that wait for ever: those of `present` for `missing`.
struct Wait {
  int communicator = 0;
  std::vector<Arrival> present;
  std::vector<int> missing;
};

// A communicator: one object and one part of the ranks. The same members under the same object are
// the same communicator, whatever role they were asked by.
struct Communicator {
  std::string object;
  std::vector<int> members;
};

// Calls on one communicator block in order, so that at most one call per member is outstanding, and
// a call completes when every member has arrived.
class Rendezvous {
 public:
  // Both must outlive this object.
  Rendezvous(const Plan& plan, const Places& places);

  // The communicator on which `rank` calls `group`. Stable during the check.
  int communicator(GroupId group, int rank) const;
  const Communicator& at(int communicator) const {
    return communicators_[static_cast<std::size_t>(communicator)];
  }
  // Posts a call. Returns the arrivals of all members, in group order, if this was the last one.
  std::optional<std::vector<Arrival>> arrive(int communicator, Arrival arrival);
  // Communicators with some but not all members present.
  std::vector<Wait> waiting() const;

 private:
  const Places& places_;
  std::vector<Communicator> communicators_;
  std::vector<GroupId> group_of_;                    // by communicator: one that it serves
  std::vector<std::vector<int>> by_group_and_rank_;  // -1: not a member
  std::vector<std::vector<Arrival>> present_;
};

}  // namespace lockstep::contract
