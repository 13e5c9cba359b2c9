// Which shares of its terms an operation makes on a rank, whether a formula or a placement says so.
#pragma once

#include <vector>

#include "sim/plan/plan.h"

namespace lockstep {

// The shares [first, last) of a term, each `count` times.
struct CountedShares {
  int first = 0;
  int last = 0;
  int count = 1;
  bool operator==(const CountedShares&) const = default;
};

// Ascending, no share in two entries, neighbours of equal count joined; empty where the rank has
// none.
std::vector<CountedShares> counted_shares(const Plan& plan, const Production& production, int rank);
// In that form, all that `shares` holds together.
std::vector<CountedShares> added_up(const std::vector<CountedShares>& shares);

// Two ranks with equal keys have equal shares. The shares themselves where a formula says them.
ShareRange share_key(const Plan& plan, const Production& production, int rank);

// How many shares stand side by side: share s belongs to unit s % share_units. For routed experts
// a unit is an expert.
int share_units(const Plan& plan, const Production& production);

}  // namespace lockstep
