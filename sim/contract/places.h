// Where each rank stands in each group: what membership() of plan.h finds by search, by table.
#pragma once

#include <cstddef>
#include <vector>

#include "sim/plan/plan.h"

namespace lockstep::contract {

class Places {
 public:
  // `plan` must outlive this object.
  explicit Places(const Plan& plan);

  // The part of `group` that `rank` is in; -1: in none.
  int part(GroupId group, int rank) const {
    return part_[group.index()][static_cast<std::size_t>(rank)];
  }
  int index(GroupId group, int rank) const {
    return index_[group.index()][static_cast<std::size_t>(rank)];
  }
  // As membership() and shares_of() of plan.h.
  Membership membership(GroupId group, int rank) const;
  ShareRange shares_of(const Production& production, int rank) const;

 private:
  const Plan& plan_;
  std::vector<std::vector<int>> part_;   // by group, then rank
  std::vector<std::vector<int>> index_;  // likewise
};

}  // namespace lockstep::contract
