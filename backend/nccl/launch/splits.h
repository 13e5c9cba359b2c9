// How the communicators of a plan are made of one that has all ranks: by splits of it, which all
// ranks call in one order.
#pragma once

#include <optional>
#include <vector>

#include "sim/plan/plan.h"

namespace lockstep::nccl {

// One call of ncclCommSplit by all ranks. The members of a part make a communicator, each at its
// place in the part; ranks in no part make none. Parts have no rank in common.
struct Split {
  struct Part {
    int communicator = 0;      // its number in numeric::Rendezvous
    std::vector<int> members;  // in group order
    bool operator==(const Part&) const = default;
  };
  std::vector<Part> parts;
  bool operator==(const Split&) const = default;
};

// The splits that make every communicator of more than one rank on which somebody calls something,
// in the order in which all ranks call them. As few as come of taking the communicators in the
// order of their numbers, each into the first split that has none of its ranks.
std::vector<Split> splits_of(const Plan& plan);

// What `rank` says in a split.
struct SplitArguments {
  const Split::Part* part = nullptr;  // null: it makes none
  int colour = -1;                    // the number of the part; -1: NCCL_SPLIT_NOCOLOR
  int key = 0;                        // its place in the part
};
SplitArguments arguments_of(const Split& split, int rank);

}  // namespace lockstep::nccl
