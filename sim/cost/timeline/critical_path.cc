#include "sim/cost/timeline/critical_path.h"

#include <algorithm>

namespace lockstep {
namespace {

struct Position {
  int rank = -1;
  int action = -1;
};

// The lowest rank's first action that ends last.
Position last_of(const Timeline& timeline) {
  Position last;
  Time end = Time(-1);
  for (std::size_t r = 0; r < timeline.of_rank.size(); ++r) {
    for (std::size_t i = 0; i < timeline.of_rank[r].size(); ++i) {
      if (timeline.of_rank[r][i].end <= end) continue;
      end = timeline.of_rank[r][i].end;
      last = {static_cast<int>(r), static_cast<int>(i)};
    }
  }
  return last;
}

const Moment& moment(const Timeline& timeline, Position at) {
  return timeline.of_rank[static_cast<std::size_t>(at.rank)][static_cast<std::size_t>(at.action)];
}

int operation_of(const TimedProgram& timed, int label) {
  return label < 0 ? -1 : timed.labels[static_cast<std::size_t>(label)].operation;
}

void prepend(std::vector<ChainLink>& backwards, const TimedProgram& timed, const ChainLink& link) {
  if (link.begin == link.end) return;
  if (!backwards.empty()) {
    ChainLink& later = backwards.back();
    const bool same = later.rank == link.rank &&
                      operation_of(timed, later.label) == operation_of(timed, link.label);
    if (same) {
      later.begin = link.begin;
      later.label = link.label;
      return;
    }
  }
  backwards.push_back(link);
}

}  // namespace

std::vector<ChainLink> critical_path(const TimedProgram& timed, const Timeline& timeline) {
  std::vector<ChainLink> backwards;
  Position at = last_of(timeline);
  while (at.rank >= 0) {
    const Moment& m = moment(timeline, at);
    const Action& action =
        timed.program
            .of_rank[static_cast<std::size_t>(at.rank)][static_cast<std::size_t>(at.action)];
    const Position before{m.last_rank, m.last_action};
    const bool by_host = before.action < 0;
    const Time begin = by_host ? m.begin : moment(timeline, before).end;
    prepend(backwards, timed, {at.rank, action.label, begin, m.end});
    if (by_host) {
      prepend(backwards, timed, {m.last_rank, -1, Time::zero(), begin});
      break;
    }
    at = before;
  }
  std::ranges::reverse(backwards);
  return backwards;
}

}  // namespace lockstep
