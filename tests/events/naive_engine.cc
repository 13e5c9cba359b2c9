#include "tests/events/naive_engine.h"

#include <algorithm>
#include <functional>

namespace lockstep {
namespace {

using Moments = std::vector<std::vector<NaiveMoment>>;

bool sends_to(const Action& action, int rank) {
  return action.kind != ActionKind::receive && action.peer == rank &&
         (action.kind == ActionKind::send || action.kind == ActionKind::exchange);
}
bool receives_from(const Action& action, int rank) {
  if (action.kind == ActionKind::receive) return action.peer == rank;
  return action.kind == ActionKind::exchange && action.other == rank;
}

struct Naive {
  const Program& program;
  Moments moments;

  using Like = std::function<bool(const Action&)>;

  const std::vector<Action>& list(int rank) const {
    return program.of_rank[static_cast<std::size_t>(rank)];
  }
  const NaiveMoment& moment(int rank, std::size_t i) const {
    return moments[static_cast<std::size_t>(rank)][i];
  }

  // How many actions like that are before position `end`.
  long count(int rank, std::size_t end, const Like& like) const {
    return std::count_if(list(rank).begin(), list(rank).begin() + static_cast<long>(end), like);
  }
  // The position of number k among those like that.
  std::optional<std::size_t> find(int rank, long k, const Like& like) const {
    for (std::size_t i = 0; i < list(rank).size(); ++i) {
      if (like(list(rank)[i]) && k-- == 0) return i;
    }
    return std::nullopt;
  }

  // The end of what stands before on the stream; zero if nothing does.
  std::optional<Time> stream_free(int rank, std::size_t i) const {
    for (std::size_t before = i; before-- > 0;) {
      if (list(rank)[before].stream == list(rank)[i].stream) return moment(rank, before).end;
    }
    return Time::zero();
  }

  std::optional<Time> ready(int rank, std::size_t i) const {
    Time issued{};
    for (std::size_t j = 0; j <= i; ++j) issued += list(rank)[j].issue;
    const std::optional<Time> free = stream_free(rank, i);
    if (!free) return std::nullopt;
    return std::max(issued, *free);
  }

  std::optional<Time> end(int rank, std::size_t i) const {
    const std::optional<Time> now = moment(rank, i).ready;
    if (!now) return std::nullopt;
    const Action& action = list(rank)[i];
    switch (action.kind) {
      case ActionKind::busy:
        return *now + action.duration;
      case ActionKind::record:
        return now;
      case ActionKind::wait:
        return end_of_wait(rank, i, *now);
      case ActionKind::meet:
        return end_of_meeting(rank, i);
      default:
        return end_of_messages(rank, i, *now);
    }
  }

  std::optional<Time> end_of_wait(int rank, std::size_t i, Time now) const {
    for (std::size_t before = i; before-- > 0;) {
      const Action& action = list(rank)[before];
      if (action.kind != ActionKind::record || action.event != list(rank)[i].event) continue;
      const std::optional<Time> recorded = moment(rank, before).end;
      if (!recorded) return std::nullopt;
      return std::max(*recorded, now);
    }
    return now;
  }

  std::optional<Time> end_of_meeting(int rank, std::size_t i) const {
    const int communicator = list(rank)[i].communicator;
    const Like like = [&](const Action& action) {
      return action.kind == ActionKind::meet && action.communicator == communicator;
    };
    const long number = count(rank, i, like);
    Time last{};
    for (const int member : program.communicators[static_cast<std::size_t>(communicator)]) {
      const std::optional<std::size_t> there = find(member, number, like);
      if (!there || !moment(member, *there).ready) return std::nullopt;
      last = std::max(last, *moment(member, *there).ready);
    }
    return last + program.calls[static_cast<std::size_t>(list(rank)[i].call)].duration;
  }

  // The end of one message of action i of `rank` with `peer`, whose matching action is `there`.
  std::optional<Time> end_of_message(int rank, std::size_t i, int peer,
                                     std::optional<std::size_t> there) const {
    if (!there || !moment(peer, *there).ready) return std::nullopt;
    const Time begin = std::max(*moment(rank, i).ready, *moment(peer, *there).ready);
    return begin + std::max(list(rank)[i].duration, list(peer)[*there].duration);
  }

  std::optional<Time> end_of_messages(int rank, std::size_t i, Time now) const {
    const Action& action = list(rank)[i];
    const int to = action.kind == ActionKind::receive ? -1 : action.peer;
    const int from = action.kind == ActionKind::receive ? action.peer : action.other;
    if (to < 0 && from < 0) return now + action.duration;
    Time last{};
    if (to >= 0) {
      const long k = count(rank, i, [&](const Action& a) { return sends_to(a, to); });
      const auto there = find(to, k, [&](const Action& a) { return receives_from(a, rank); });
      const std::optional<Time> end = end_of_message(rank, i, to, there);
      if (!end) return std::nullopt;
      last = std::max(last, *end);
    }
    if (from >= 0) {
      const long k = count(rank, i, [&](const Action& a) { return receives_from(a, from); });
      const auto there = find(from, k, [&](const Action& a) { return sends_to(a, rank); });
      const std::optional<Time> end = end_of_message(rank, i, from, there);
      if (!end) return std::nullopt;
      last = std::max(last, *end);
    }
    return last;
  }

  // True if more is known than before.
  bool look_at_all() {
    bool more = false;
    for (std::size_t r = 0; r < moments.size(); ++r) {
      for (std::size_t i = 0; i < moments[r].size(); ++i) {
        const NaiveMoment before = moments[r][i];
        const int rank = static_cast<int>(r);
        if (!before.ready) moments[r][i].ready = ready(rank, i);
        if (!before.end) moments[r][i].end = end(rank, i);
        more = more || before.ready != moments[r][i].ready || before.end != moments[r][i].end;
      }
    }
    return more;
  }
};

}  // namespace

Moments naive_run(const Program& program) {
  Naive naive{program, {}};
  for (const std::vector<Action>& list : program.of_rank) naive.moments.emplace_back(list.size());
  while (naive.look_at_all()) {
  }
  return naive.moments;
}

}  // namespace lockstep
