// At which pull request did a scenario's verdict change? Checks it at every entry of the rule
// timeline in a range, in merge order. The range is short, so nothing is guessed: a verdict may
// change and change back.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "sim/contract/check.h"
#include "sim/scenario/scenario.h"

namespace lockstep {

// The scenario after one entry of the timeline.
struct BisectPosition {
  int position = 0;  // row of the sheet's table
  int pull_request = 0;
  std::string merged;           // "2026-05-10", "between 2025-08-01 and 2025-08-07"
  std::string change;           // what the pull request did
  std::string verdict;          // holds, violated, unknown, refused
  std::string why;              // where unknown or refused: the first reason
  std::uint64_t plan_hash = 0;  // 0 where refused
  std::size_t result = 0;       // index into Bisection::results, unless refused

  bool decided() const { return verdict == "holds" || verdict == "violated"; }
};

// An entry at which the verdict, or what is violated, differs from the last one that was decided.
struct BisectChange {
  std::size_t before = 0;  // indices of Bisection::positions
  std::size_t after = 0;
};

struct Bisection {
  std::string scenario;
  std::vector<BisectPosition> positions;
  std::vector<BisectChange> changes;
  std::vector<contract::CheckResult> results;  // of each different plan
  std::vector<std::string> notes;

  // None where the scenario is refused.
  const std::vector<contract::Violation>& violations(std::size_t position) const;
  // The first change at which the verdict itself differs; nullopt if there is none.
  std::optional<BisectChange> first_change_of_verdict() const;
};

// Called before each position with the number of those done and of all.
using BisectProgress = std::function<void(std::size_t done, std::size_t all)>;

// From the revision `from` to the revision `to`, as of serving.revision; both are in the range. The
// scenario's own revision has no part in it. A pull request of serving.with counts where it is not
// merged yet, one of serving.without where it is; a note says so. Faults of the two revisions carry
// the paths "from" and "to".
Result<Bisection> bisect(const Scenario& scenario, const std::string& from, const std::string& to,
                         const BisectProgress& progress = {});

}  // namespace lockstep
