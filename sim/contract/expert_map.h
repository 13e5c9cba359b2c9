// Whether the routed experts, as they lie on the ranks, are each computed once.
#pragma once

#include <string>
#include <vector>

#include "sim/plan/plan.h"
#include "sim/plan/shares.h"

namespace lockstep::contract {

// The shares of a routed term that the members of the group that owes its sum do not make exactly
// once, with the number of times that they do: 0 is nowhere. Whatever sums follow, they cannot make
// up for it.
struct ExpertMap {
  std::vector<CountedShares> misplaced;
};

// For the members that `rank` sums with: the part of the group that the producing operations
// declare. Empty for a term that no experts make, and where no member executes its producer.
ExpertMap expert_map(const Plan& plan, TermId term, int rank);

// "expert 3 nowhere, experts 4-5 twice".
std::string describe(const Plan& plan, TermId term, const ExpertMap& map);

}  // namespace lockstep::contract
