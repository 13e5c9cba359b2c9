#include "sim/contract/rendezvous.h"

#include <algorithm>
#include <set>

#include "sim/base/require.h"

namespace lockstep::contract {

Rendezvous::Rendezvous(const Plan& plan, const Places& places) : places_(places) {
  // By object and first member; few communicators share both.
  std::map<std::string, std::vector<std::vector<int>>> known;
  for (std::size_t g = 0; g < plan.groups.size(); ++g) {
    const Group& group = plan.groups[g];
    std::vector<int>& of_rank = by_group_and_rank_.emplace_back(plan.world, -1);
    std::vector<std::vector<int>>& candidates = known[group.object];
    candidates.resize(static_cast<std::size_t>(plan.world));
    for (const std::vector<int>& part : group.parts) {
      std::vector<int>& here = candidates[static_cast<std::size_t>(part.front())];
      const auto same = std::ranges::find_if(here, [&](int c) { return at(c).members == part; });
      const int found = same != here.end() ? *same : static_cast<int>(communicators_.size());
      if (same == here.end()) {
        here.push_back(found);
        communicators_.push_back({group.object, part});
        group_of_.push_back({static_cast<std::int32_t>(g)});
      }
      for (const int rank : part) of_rank[static_cast<std::size_t>(rank)] = found;
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
  const GroupId group = group_of_[static_cast<std::size_t>(communicator)];
  std::ranges::sort(complete, {}, [&](const Arrival& a) { return places_.index(group, a.rank); });
  return complete;
}

std::vector<Wait> Rendezvous::waiting() const {
  std::vector<Wait> result;
  for (std::size_t i = 0; i < present_.size(); ++i) {
    if (present_[i].empty()) continue;
    std::set<int> here;
    for (const Arrival& a : present_[i]) here.insert(a.rank);
    Wait& wait = result.emplace_back(Wait{static_cast<int>(i), present_[i], {}});
    for (const int rank : communicators_[i].members) {
      if (!here.contains(rank)) wait.missing.push_back(rank);
    }
  }
  return result;
}

}  // namespace lockstep::contract
