#include "sim/events/stuck.h"

#include <algorithm>
#include <cstdint>

#include "sim/base/require.h"

namespace lockstep {
namespace {

std::size_t at(std::int32_t index) { return static_cast<std::size_t>(index); }

// What an action waits for: a stream that stands before the other side; -1: the rank never comes.
struct Need {
  std::int32_t rank = -1;
  std::int32_t stream = -1;
};

class Search {
 public:
  Search(const Program& program, const Matching& matching, std::span<const std::int32_t> stands,
         const Timeline& timeline)
      : program_(program), matching_(matching), stands_(stands), timeline_(timeline) {
    for (std::size_t rank = 0; rank + 1 < matching.first_stream.size(); ++rank) {
      const auto count = matching.first_stream[rank + 1] - matching.first_stream[rank];
      rank_of_.insert(rank_of_.end(), at(count), static_cast<std::int32_t>(rank));
    }
  }

  std::vector<Stuck::Wait> find() {
    states_.assign(stands_.size(), State::unseen);
    for (std::size_t s = 0; s < stands_.size(); ++s) {
      const bool unseen = stands_[s] >= 0 && states_[s] == State::unseen;
      if (unseen && walk(static_cast<std::int32_t>(s))) return waits_from(cycle_begin_);
    }
    return chain();
  }

 private:
  enum class State : std::uint8_t { unseen, on_path, done };
  struct Step {
    std::int32_t stream = -1;
    std::vector<Need> needs;
    std::size_t taken = 0;  // of needs; the last of them leads to the next step
  };

  // Depth first from `start`; true if the path comes back to itself, at `cycle_begin_`.
  bool walk(std::int32_t start) {
    enter(start);
    while (!path_.empty()) {
      Step& step = path_.back();
      if (step.taken == step.needs.size()) {
        states_[at(step.stream)] = State::done;
        path_.pop_back();
        continue;
      }
      const std::int32_t next = step.needs[step.taken++].stream;
      if (next < 0 || states_[at(next)] == State::done) continue;
      if (states_[at(next)] == State::on_path) {
        const auto found = std::ranges::find(path_, next, &Step::stream);
        cycle_begin_ = static_cast<std::size_t>(found - path_.begin());
        return true;
      }
      enter(next);
    }
    return false;
  }

  void enter(std::int32_t stream) {
    states_[at(stream)] = State::on_path;
    path_.push_back({stream, needs_of(stream), 0});
  }

  std::vector<Stuck::Wait> waits_from(std::size_t begin) const {
    std::vector<Stuck::Wait> waits;
    for (std::size_t i = begin; i < path_.size(); ++i) {
      const Step& step = path_[i];
      waits.push_back(
          {rank_of_[at(step.stream)], stands_[at(step.stream)], step.needs[step.taken - 1].rank});
    }
    std::ranges::rotate(waits, std::ranges::min_element(waits, {}, &Stuck::Wait::rank));
    return waits;
  }

  // From the first stream that stands, always to the first that it needs. REQUIRES: no cycle.
  std::vector<Stuck::Wait> chain() const {
    std::vector<Stuck::Wait> waits;
    const auto first = std::ranges::find_if(stands_, [](std::int32_t head) { return head >= 0; });
    auto stream = static_cast<std::int32_t>(first - stands_.begin());
    while (stream >= 0) {
      const std::vector<Need> needs = needs_of(stream);
      LOCKSTEP_ASSERT(!needs.empty());
      waits.push_back({rank_of_[at(stream)], stands_[at(stream)], needs.front().rank});
      stream = needs.front().stream;
    }
    return waits;
  }

  std::vector<Need> needs_of(std::int32_t stream) const {
    const ActionRef place{rank_of_[at(stream)], stands_[at(stream)]};
    const Action& action = program_.of_rank[at(place.rank)][at(place.action)];
    const std::int32_t other = matching_.of(place).other;
    std::vector<Need> needs;
    if (action.kind == ActionKind::wait) {
      add(place.rank, {place.rank, other}, needs);
    } else if (action.kind == ActionKind::meet) {
      const std::vector<int>& group = program_.communicators[at(action.communicator)];
      const auto members =
          matching_.members(matching_.meetings[at(matching_.meeting_of[at(other)])]);
      for (std::size_t m = 0; m < members.size(); ++m) add(group[m], members[m], needs);
    } else {
      const Partners& partners = matching_.partners[at(other)];
      const std::int32_t from = action.kind == ActionKind::receive ? action.peer : action.other;
      if (partners.sends) add(action.peer, partners.receiver, needs);
      if (partners.receives) add(from, partners.sender, needs);
    }
    return needs;
  }

  void add(std::int32_t rank, ActionRef place, std::vector<Need>& needs) const {
    if (!place.exists()) return needs.push_back({rank, -1});
    if (timeline_.of_rank[at(rank)][at(place.action)].ready != kNever) return;
    const Action& action = program_.of_rank[at(rank)][at(place.action)];
    needs.push_back({rank, matching_.stream(rank, action.stream)});
  }

  const Program& program_;
  const Matching& matching_;
  std::span<const std::int32_t> stands_;
  const Timeline& timeline_;
  std::vector<std::int32_t> rank_of_;  // by stream
  std::vector<State> states_;          // by stream
  std::vector<Step> path_;
  std::size_t cycle_begin_ = 0;
};

}  // namespace

Stuck find_deadlock(const Program& program, const Matching& matching,
                    std::span<const std::int32_t> stands, const Timeline& timeline) {
  return {Stuck::Cause::deadlock, Search(program, matching, stands, timeline).find()};
}

Stuck tell_mismatch(const Program& program, const Matching& matching, const Meeting& meeting) {
  const auto call = [&](ActionRef place) {
    return program.of_rank[at(place.rank)][at(place.action)].call;
  };
  Stuck stuck{Stuck::Cause::mismatch, {}};
  const auto members = matching.members(meeting);
  for (const ActionRef member : members) {
    if (!member.exists()) continue;
    const auto other = std::ranges::find_if(
        members, [&](ActionRef place) { return place.exists() && call(place) != call(member); });
    stuck.waits.push_back({member.rank, member.action, other->rank});
  }
  return stuck;
}

}  // namespace lockstep
