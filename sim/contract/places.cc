#include "sim/contract/places.h"

namespace lockstep::contract {

Places::Places(const Plan& plan) : plan_(plan) {
  for (const Group& group : plan.groups) {
    std::vector<int>& part_of = part_.emplace_back(plan.world, -1);
    std::vector<int>& index_of = index_.emplace_back(plan.world, 0);
    for (std::size_t part = 0; part < group.parts.size(); ++part) {
      for (std::size_t i = 0; i < group.parts[part].size(); ++i) {
        const auto rank = static_cast<std::size_t>(group.parts[part][i]);
        part_of[rank] = static_cast<int>(part);
        index_of[rank] = static_cast<int>(i);
      }
    }
  }
}

Membership Places::membership(GroupId group, int rank) const {
  if (!group.exists() || part(group, rank) < 0) return {};
  return {index(group, rank),
          &plan_.group(group).parts[static_cast<std::size_t>(part(group, rank))]};
}

ShareRange Places::shares_of(const Production& production, int rank) const {
  const Membership major = membership(production.major, rank);
  const Membership minor = membership(production.minor, rank);
  const int size = major.members == nullptr ? 1 : static_cast<int>(major.members->size());
  const int per_member = production.units / size;
  const int first = minor.index * production.units + major.index * per_member;
  return {first, first + per_member};
}

}  // namespace lockstep::contract
