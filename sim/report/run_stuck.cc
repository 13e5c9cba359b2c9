// Why a plan cannot come to its end, in words.
#include <fmt/format.h>

#include <algorithm>

#include "sim/base/rank_set.h"
#include "sim/base/text.h"
#include "sim/report/run_report.h"

namespace lockstep {
namespace {

const Action& action_of(const RunOfPlan& run, const Stuck::Wait& wait) {
  return run.timed.program
      .of_rank[static_cast<std::size_t>(wait.rank)][static_cast<std::size_t>(wait.action)];
}

// "operation 5: all_reduce over tp, layer 0, mlp".
std::string place_of(const RunOfPlan& run, const Action& action) {
  if (action.label < 0) return fmt::format("stream {} before an event", action.stream);
  const int operation = run.timed.labels[static_cast<std::size_t>(action.label)].operation;
  return operation_place(run.plan, operation);
}

// Members of equal calls on one line each.
std::string mismatch_text(const RunOfPlan& run, const Stuck& stuck) {
  struct Side {
    const Action* action;
    RankSet ranks;
  };
  std::vector<Side> sides;
  for (const Stuck::Wait& wait : stuck.waits) {
    const Action& action = action_of(run, wait);
    const auto same = std::ranges::find_if(
        sides, [&](const Side& side) { return side.action->call == action.call; });
    if (same == sides.end()) {
      sides.push_back({&action, RankSet::range(wait.rank, 1)});
    } else {
      same->ranks.insert(wait.rank);
    }
  }
  std::string text = "collective mismatch: members of one group make different calls\n";
  for (const Side& side : sides) {
    const Call& call = run.timed.program.calls[static_cast<std::size_t>(side.action->call)];
    const bool one = side.ranks.size() == 1;
    text += fmt::format("  rank{} {} call{} {} at {}\n", one ? "" : "s", to_string(side.ranks),
                        one ? "s" : "", call.name, place_of(run, *side.action));
  }
  return text;
}

std::string deadlock_text(const RunOfPlan& run, const Stuck& stuck) {
  const bool cycle = stuck.waits.back().waits_for == stuck.waits.front().rank;
  std::string text = cycle ? "deadlock: these ranks wait for each other\n"
                           : "deadlock: a rank never makes the call that others wait for\n";
  for (const Stuck::Wait& wait : stuck.waits) {
    text += fmt::format("  rank {} waits for rank {} at {}\n", wait.rank, wait.waits_for,
                        place_of(run, action_of(run, wait)));
  }
  if (!cycle) {
    text += fmt::format("  rank {} never makes that call\n", stuck.waits.back().waits_for);
  }
  return text;
}

}  // namespace

std::string stuck_text(const RunOfPlan& run) {
  std::string text;
  for (const std::string& why : run.timed.refused) {
    text += "the library refuses a call: " + why + "\n";
  }
  if (!run.timeline.stuck) return text;
  const Stuck& stuck = *run.timeline.stuck;
  const bool mismatch = stuck.cause == Stuck::Cause::mismatch;
  return text + (mismatch ? mismatch_text(run, stuck) : deadlock_text(run, stuck));
}

}  // namespace lockstep
