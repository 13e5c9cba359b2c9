// What the files of the algorithms share; nobody else includes it.
#pragma once

#include <string>

#include "sim/cost/collectives/algorithms.h"
#include "sim/cost/collectives/blocks.h"

namespace lockstep {

extern const Algorithm kRing;
extern const Algorithm kRecursiveDoubling;
extern const Algorithm kDirect;
extern const Algorithm kPairwise;

inline int ranks_of(const CollectiveCall& call) { return static_cast<int>(call.ranks.size()); }

inline bool is_power_of_two(int n) { return n > 0 && (n & (n - 1)) == 0; }

// ceil(log2 n). REQUIRES: n > 0.
inline int log2_up(int n) {
  int bits = 0;
  while ((1 << bits) < n) ++bits;
  return bits;
}

inline std::string serves_all(const CollectiveCall&, const Topology&) { return ""; }
// For the algorithms that pair ranks by one bit of their number.
std::string powers_of_two_only(const CollectiveCall& call, const Topology& topology);

}  // namespace lockstep
