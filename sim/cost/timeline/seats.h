// Where each rank sits in each group of a plan, looked up in one step.
#pragma once

#include <vector>

#include "sim/plan/plan.h"

namespace lockstep {

struct Seat {
  int part = -1;  // of the group; -1: the rank is no member
  int index = 0;  // in the part
  int size = 1;   // of the part
};

class Seats {
 public:
  explicit Seats(const Plan& plan);

  // Of no group: seat 0 of 1.
  const Seat& at(GroupId group, int rank) const {
    return group.exists() ? seats_[group.index()][static_cast<std::size_t>(rank)] : alone_;
  }
  // The communicator of a part: the same members under the same object are the same one.
  int communicator(GroupId group, int part) const {
    return communicator_of_[group.index()][static_cast<std::size_t>(part)];
  }
  // The members of each communicator, in group order.
  const std::vector<std::vector<int>>& communicators() const { return communicators_; }

 private:
  Seat alone_;
  std::vector<std::vector<Seat>> seats_;           // by group and rank
  std::vector<std::vector<int>> communicator_of_;  // by group and part
  std::vector<std::vector<int>> communicators_;
};

}  // namespace lockstep
