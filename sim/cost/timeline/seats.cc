#include "sim/cost/timeline/seats.h"

#include <map>
#include <string>
#include <utility>

namespace lockstep {

Seats::Seats(const Plan& plan) {
  std::map<std::pair<std::string, std::vector<int>>, int> known;
  for (const Group& group : plan.groups) {
    std::vector<Seat>& seats = seats_.emplace_back(static_cast<std::size_t>(plan.world));
    std::vector<int>& communicators = communicator_of_.emplace_back();
    for (std::size_t p = 0; p < group.parts.size(); ++p) {
      const std::vector<int>& members = group.parts[p];
      const auto size = static_cast<int>(members.size());
      for (int i = 0; i < size; ++i) {
        const auto rank = static_cast<std::size_t>(members[static_cast<std::size_t>(i)]);
        seats[rank] = {static_cast<int>(p), i, size};
      }
      const auto next = static_cast<int>(communicators_.size());
      const auto [entry, is_new] = known.try_emplace({group.object, members}, next);
      if (is_new) communicators_.push_back(members);
      communicators.push_back(entry->second);
    }
  }
}

}  // namespace lockstep
