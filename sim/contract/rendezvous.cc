#include "sim/contract/rendezvous.h"

#include <algorithm>

#include "sim/base/require.h"

namespace lockstep::contract {

Rendezvous::Rendezvous(const Plan& plan) {
  std::map<std::pair<std::string, std::vector<int>>, int> known;
  for (const Group& group : plan.groups) {
    std::vector<int>& of_rank = by_group_and_rank_.emplace_back(plan.world, -1);
    for (const std::vector<int>& part : group.parts) {
      const auto next = static_cast<int>(communicators_.size());
      const auto [entry, is_new] = known.try_emplace({group.object, part}, next);
      if (is_new) communicators_.push_back({group.object, part});
      for (const int rank : part) of_rank[static_cast<std::size_t>(rank)] = entry->second;
    }
  }
  present_.resize(communicators_.size());
}

int Rendezvous::communicator(GroupId group, int rank) const {
  const int found = by_group_and_rank_[group.index()][static_cast<std::size_t>(rank)];
  LOCKSTEP_ASSERT(found >= 0);
  return found;
}

std::optional<std::vector<Arrival>> Rendezvous::arrive(int communicator, Arrival arrival) {
  const std::vector<int>& members = at(communicator).members;
  std::vector<Arrival>& present = present_[static_cast<std::size_t>(communicator)];
  present.push_back(arrival);
  if (present.size() < members.size()) return std::nullopt;
  std::vector<Arrival> complete;
  complete.swap(present);
  const auto place = [&members](const Arrival& a) {
    return std::ranges::find(members, a.rank) - members.begin();
  };
  std::ranges::sort(complete, {}, place);
  return complete;
}

std::vector<std::pair<int, std::vector<Arrival>>> Rendezvous::waiting() const {
  std::vector<std::pair<int, std::vector<Arrival>>> result;
  for (std::size_t i = 0; i < present_.size(); ++i) {
    if (!present_[i].empty()) result.emplace_back(static_cast<int>(i), present_[i]);
  }
  return result;
}

}  // namespace lockstep::contract
