#include "sim/plan/shares.h"

#include <algorithm>
#include <utility>

namespace lockstep {

std::vector<CountedShares> added_up(const std::vector<CountedShares>& shares) {
  std::vector<std::pair<int, int>> changes;  // from this share on, so many more
  for (const CountedShares& s : shares) {
    changes.emplace_back(s.first, s.count);
    changes.emplace_back(s.last, -s.count);
  }
  std::ranges::sort(changes);
  std::vector<CountedShares> counted;
  int count = 0;
  for (std::size_t i = 0; i < changes.size(); ++i) {
    count += changes[i].second;
    const int first = changes[i].first;
    const int last = i + 1 < changes.size() ? changes[i + 1].first : first;
    if (count == 0 || first == last) continue;
    const bool joins =
        !counted.empty() && counted.back().last == first && counted.back().count == count;
    if (joins) {
      counted.back().last = last;
    } else {
      counted.push_back({first, last, count});
    }
  }
  return counted;
}

std::vector<CountedShares> counted_shares(const Plan& plan, const Production& production,
                                          int rank) {
  if (production.placement.exists()) {
    std::vector<CountedShares> shares;
    for (const ShareRange& r : plan.placement_table(production.placement).of.at(rank)) {
      shares.push_back({r.first, r.last, 1});
    }
    return added_up(shares);
  }
  const ShareRange range = shares_of(plan, production, rank);
  return {{range.first, range.last, 1}};
}

ShareRange share_key(const Plan& plan, const Production& production, int rank) {
  if (!production.placement.exists()) return shares_of(plan, production, rank);
  const PlacementTable& table = plan.placement_table(production.placement);
  return {-1, table.of.index_of_rank[static_cast<std::size_t>(rank)]};  // no share is negative
}

int share_units(const Plan& plan, const Production& production) {
  return std::max(1,
                  production.placement.exists() ? plan.model.n_routed_experts : production.units);
}

}  // namespace lockstep
