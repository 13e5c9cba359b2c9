// What a violation tells of the operations that it blames: where they stand, over which group they
// ran, and the rules that chose them.
#include <algorithm>

#include "sim/contract/blame.h"
#include "sim/contract/describe.h"

namespace lockstep::contract {

OperationRef Blame::reference(int operation) const { return operation_ref(plan_, operation); }

// The group that the blamed operation ran over; the group that owes the sum if it ran over none.
void Blame::set_group(Violation& v, int blamed, int producer) const {
  GroupId group = plan_.operations[static_cast<std::size_t>(blamed)].group;
  if (!group.exists() && producer >= 0) {
    const Operation& made = plan_.operations[static_cast<std::size_t>(producer)];
    group = plan_.spec(made.out.front().declared).partial_over;
  }
  if (!group.exists()) return;
  v.group = plan_.group(group).role;
  v.group_object = plan_.group(group).object;
  // The wrong ranks need not be members themselves.
  const std::vector<int>* part = &plan_.group(group).parts.front();
  for (const int rank : v.ranks.to_vector()) {
    const std::vector<int>* own = execution_.places().membership(group, rank).members;
    if (own == nullptr) continue;
    part = own;
    break;
  }
  v.group_size = static_cast<int>(part->size());
}

std::vector<ReasonId> Blame::reasons(int producer, const std::vector<int>& path, int blamed,
                                     int consumer) const {
  std::vector<int> operations{producer};
  for (const int i : path) {
    if (sums(plan_.operations[static_cast<std::size_t>(i)].kind)) operations.push_back(i);
  }
  operations.push_back(blamed);
  operations.push_back(consumer);
  std::vector<ReasonId> reasons;
  for (const int i : operations) {
    if (i < 0) continue;
    for (const ReasonId id : plan_.operations[static_cast<std::size_t>(i)].because) {
      if (std::ranges::find(reasons, id) == reasons.end()) reasons.push_back(id);
    }
  }
  return reasons;
}

void Blame::add(Violation v) {
  const Where where{v.site.step, v.site.layer, v.site.module};
  if (reported_.insert({v.operation.index, v.code, where}).second) {
    violations_.push_back(std::move(v));
  }
}

}  // namespace lockstep::contract
