#include "sim/events/matching.h"

#include <algorithm>
#include <tuple>
#include <utility>

#include "sim/base/require.h"

namespace lockstep {
namespace {

std::size_t at(std::int32_t index) {
  LOCKSTEP_ASSERT(index >= 0);
  return static_cast<std::size_t>(index);
}
std::int32_t number(std::size_t value) { return static_cast<std::int32_t>(value); }

// One side of a message.
struct Half {
  std::int32_t from = 0;
  std::int32_t to = 0;
  bool received = false;
  std::int32_t index = 0;  // its action's, in the order of ranks and lists
  ActionRef place;
};

class Matcher {
 public:
  explicit Matcher(const Program& program) : program_(program) {}

  Matching match() {
    number_actions();
    link_streams();
    match_calls();
    match_events();
    match_messages();
    return std::move(result_);
  }

 private:
  std::int32_t ranks() const { return number(program_.of_rank.size()); }
  const std::vector<Action>& list(std::int32_t rank) const { return program_.of_rank[at(rank)]; }
  Matching::Links& links(std::int32_t rank, std::size_t action) {
    return result_.links[at(result_.first_action[at(rank)]) + action];
  }

  void number_actions() {
    std::size_t actions = 0;
    for (const std::vector<Action>& list : program_.of_rank) {
      result_.first_action.push_back(number(actions));
      actions += list.size();
    }
    result_.links.resize(actions);
  }

  void link_streams() {
    for (std::int32_t rank = 0; rank < ranks(); ++rank) {
      const auto first = result_.first_on.size();
      result_.first_stream.push_back(number(first));
      for (std::size_t i = list(rank).size(); i-- > 0;) {
        const std::size_t stream = first + at(list(rank)[i].stream);
        if (stream >= result_.first_on.size()) result_.first_on.resize(stream + 1, -1);
        links(rank, i).next = std::exchange(result_.first_on[stream], number(i));
      }
    }
    result_.first_stream.push_back(number(result_.first_on.size()));
  }

  // What each rank is in its communicators.
  void find_memberships() {
    memberships_.resize(program_.of_rank.size());
    for (std::size_t c = 0; c < program_.communicators.size(); ++c) {
      const std::vector<int>& members = program_.communicators[c];
      for (std::size_t m = 0; m < members.size(); ++m) {
        memberships_[at(members[m])].push_back({number(c), number(m)});
      }
    }
  }

  void match_calls() {
    find_memberships();
    const std::size_t communicators = program_.communicators.size();
    std::vector<std::int32_t> calls(communicators, 0);  // the most of a member
    each_call([&](std::size_t c, std::int32_t k, std::int32_t, ActionRef) {
      calls[c] = std::max(calls[c], k + 1);
    });
    std::vector<std::int32_t> base(communicators);  // into `calls` of the result
    for (std::size_t c = 0; c < communicators; ++c) {
      base[c] = number(result_.calls.size());
      add_meetings(number(program_.communicators[c].size()), calls[c]);
    }
    each_call([&](std::size_t c, std::int32_t k, std::int32_t member, ActionRef place) {
      const auto size = number(program_.communicators[c].size());
      const std::int32_t slot = base[c] + k * size + member;
      result_.calls[at(slot)] = place;
      links(place.rank, at(place.action)).other = slot;
    });
  }

  void add_meetings(std::int32_t members, std::int32_t count) {
    for (std::int32_t k = 0; k < count; ++k) {
      const auto meeting = number(result_.meetings.size());
      result_.meetings.push_back({number(result_.calls.size()), members});
      result_.meeting_of.insert(result_.meeting_of.end(), at(members), meeting);
      for (std::int32_t m = 0; m < members; ++m) result_.calls.emplace_back();
    }
  }

  // `visit(communicator, number, member, place)` for every meet.
  template <class Visit>
  void each_call(Visit visit) {
    std::vector<std::int32_t> member(program_.communicators.size(), -1);
    std::vector<std::int32_t> count(program_.communicators.size(), 0);
    for (std::int32_t rank = 0; rank < ranks(); ++rank) {
      for (const auto& [c, m] : memberships_[at(rank)]) {
        member[at(c)] = m;
        count[at(c)] = 0;
      }
      for (std::size_t i = 0; i < list(rank).size(); ++i) {
        if (list(rank)[i].kind != ActionKind::meet) continue;
        const std::size_t c = at(list(rank)[i].communicator);
        LOCKSTEP_ASSERT(member[c] >= 0);
        visit(c, count[c]++, member[c], ActionRef{rank, number(i)});
      }
      for (const auto& [c, m] : memberships_[at(rank)]) member[at(c)] = -1;
    }
  }

  // A wait means the last record of its event that the host has issued before it.
  void match_events() {
    std::vector<std::int32_t> recorded(at(program_.events), -1);
    for (std::int32_t rank = 0; rank < ranks(); ++rank) {
      std::fill(recorded.begin(), recorded.end(), -1);
      for (std::size_t i = 0; i < list(rank).size(); ++i) {
        const Action& action = list(rank)[i];
        if (action.kind == ActionKind::record) recorded[at(action.event)] = number(i);
        if (action.kind == ActionKind::wait) links(rank, i).other = recorded[at(action.event)];
      }
    }
  }

  void match_messages() {
    std::vector<Half> halves = collect_halves();
    std::ranges::sort(halves, {}, [](const Half& half) {
      return std::tuple(half.from, half.to, half.received, half.index);
    });
    for (std::size_t begin = 0; begin < halves.size();) {
      const Half& first = halves[begin];
      const auto same_way = [&](const Half& half) {
        return half.from == first.from && half.to == first.to;
      };
      std::size_t received = begin;
      while (received < halves.size() && same_way(halves[received]) && !halves[received].received) {
        ++received;
      }
      std::size_t end = received;
      while (end < halves.size() && same_way(halves[end])) ++end;
      for (std::size_t k = 0; begin + k < received && received + k < end; ++k) {
        join(halves[begin + k], halves[received + k]);
      }
      begin = end;
    }
  }

  void join(const Half& sent, const Half& received) {
    partners_of(sent).receiver = received.place;
    partners_of(received).sender = sent.place;
  }
  Partners& partners_of(const Half& half) {
    return result_.partners[at(links(half.place.rank, at(half.place.action)).other)];
  }

  std::vector<Half> collect_halves() {
    std::vector<Half> halves;
    for (std::int32_t rank = 0; rank < ranks(); ++rank) {
      for (std::size_t i = 0; i < list(rank).size(); ++i) add_halves(rank, i, halves);
    }
    return halves;
  }

  void add_halves(std::int32_t rank, std::size_t i, std::vector<Half>& halves) {
    const Action& action = list(rank)[i];
    const bool is_exchange = action.kind == ActionKind::exchange;
    if (!is_exchange && action.kind != ActionKind::send && action.kind != ActionKind::receive) {
      return;
    }
    const std::int32_t to = action.kind == ActionKind::receive ? -1 : action.peer;
    const std::int32_t from = is_exchange                          ? action.other
                              : action.kind == ActionKind::receive ? action.peer
                                                                   : -1;
    const std::int32_t index = result_.first_action[at(rank)] + number(i);
    const ActionRef place{rank, number(i)};
    links(rank, i).other = number(result_.partners.size());
    result_.partners.push_back({to >= 0, from >= 0, {}, {}});
    if (to >= 0) halves.push_back({rank, to, false, index, place});
    if (from >= 0) halves.push_back({from, rank, true, index, place});
  }

  struct Membership {
    std::int32_t communicator;
    std::int32_t member;
  };

  const Program& program_;
  std::vector<std::vector<Membership>> memberships_;  // by rank
  Matching result_;
};

}  // namespace

Matching match(const Program& program) { return Matcher(program).match(); }

}  // namespace lockstep
