#include "backend/nccl/launch/splits.h"

#include <algorithm>
#include <map>

#include "backend/numeric/rendezvous.h"

namespace lockstep::nccl {
namespace {

bool is_called(const Plan& plan, GroupId group, const std::vector<int>& members) {
  return std::ranges::any_of(plan.operations, [&](const Operation& op) {
    return communicates(op.kind) && op.group == group &&
           std::ranges::any_of(members, [&](int rank) { return executes(op, rank); });
  });
}

// By number.
std::map<int, std::vector<int>> communicators_of(const Plan& plan) {
  const numeric::Rendezvous numbers(plan);
  std::map<int, std::vector<int>> communicators;
  for (std::size_t g = 0; g < plan.groups.size(); ++g) {
    const GroupId group{static_cast<int>(g)};
    for (const std::vector<int>& part : plan.groups[g].parts) {
      if (part.size() < 2 || !is_called(plan, group, part)) continue;
      communicators.emplace(numbers.communicator(group, part.front()), part);
    }
  }
  return communicators;
}

bool has_some_of(const Split& split, const std::vector<int>& ranks) {
  return std::ranges::any_of(ranks,
                             [&](int rank) { return arguments_of(split, rank).part != nullptr; });
}

}  // namespace

std::vector<Split> splits_of(const Plan& plan) {
  std::vector<Split> splits;
  for (const auto& [communicator, members] : communicators_of(plan)) {
    auto free = std::ranges::find_if(
        splits, [&, &ranks = members](const Split& split) { return !has_some_of(split, ranks); });
    if (free == splits.end()) free = splits.insert(splits.end(), Split{});
    free->parts.push_back({communicator, members});
  }
  return splits;
}

SplitArguments arguments_of(const Split& split, int rank) {
  for (std::size_t i = 0; i < split.parts.size(); ++i) {
    const std::vector<int>& members = split.parts[i].members;
    const auto found = std::ranges::find(members, rank);
    if (found == members.end()) continue;
    return {&split.parts[i], static_cast<int>(i), static_cast<int>(found - members.begin())};
  }
  return {};
}

}  // namespace lockstep::nccl
