// What the files of the algorithms share; nobody else includes it.
#pragma once

#include <string>

#include "sim/cost/collectives/algorithms.h"
#include "sim/cost/collectives/blocks.h"

namespace lockstep {

extern const Algorithm kRing;
extern const Algorithm kTree;
extern const Algorithm kBinomial;
extern const Algorithm kRecursiveDoubling;
extern const Algorithm kHalvingDoubling;
extern const Algorithm kDirect;
extern const Algorithm kPairwise;
extern const Algorithm kOneShot;
extern const Algorithm kTwoShot;
extern const Algorithm kNvls;
extern const Algorithm kHierarchical;
extern const Algorithm kGrouped;
extern const Algorithm kLowLatency;
extern const Algorithm kNormal;
extern const Algorithm kDissemination;

inline int ranks_of(const CollectiveCall& call) { return static_cast<int>(call.ranks.size()); }

inline bool is_power_of_two(int n) { return n > 0 && (n & (n - 1)) == 0; }

// ceil(log2 n). REQUIRES: n > 0.
inline int log2_up(int n) {
  int bits = 0;
  while ((1 << bits) < n) ++bits;
  return bits;
}

// i modulo n, for i that is not far below zero. REQUIRES: n > 0.
inline int around(int i, int n) {
  while (i < 0) i += n;
  return i < n ? i : i % n;
}

inline std::string serves_all(const CollectiveCall&, const Topology&) { return ""; }
// For the algorithms that pair ranks by one bit of their number.
std::string powers_of_two_only(const CollectiveCall& call, const Topology& topology);

// Into how many chunks `bytes` are cut for a pipeline of (fill + weight chunks) steps, each of
// L + bytes / (chunks C): the minimum of that product, chunks = sqrt(fill bytes / (weight L C)),
// rounded down; at least 1, at most `most` and 1,024.
std::int64_t best_chunks(double fill, double weight, std::int64_t bytes, const Hop& hop,
                         std::int64_t most);

}  // namespace lockstep
