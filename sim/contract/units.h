// Terms that are one quantity in different units (Term::same_as).
#pragma once

#include <vector>

#include "sim/contract/ledger.h"
#include "sim/plan/plan.h"

namespace lockstep::contract {

// Where `owed` is owed, `held` is there.
struct UnitMistake {
  TermId owed;
  TermId held;
  auto operator<=>(const UnitMistake&) const = default;
};

// A value as compared with what is owed: units apart, and those as if they were right.
struct Compared {
  std::vector<Entry> entries;
  std::vector<UnitMistake> mistakes;
};

// `entries` as compare() gives them.
Compared in_owed_units(const Plan& plan, std::vector<Entry> entries);

}  // namespace lockstep::contract
