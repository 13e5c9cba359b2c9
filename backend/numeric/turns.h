// The algorithms of collectives as data: what each member does in each round. Whoever runs them
// (all members in one process, or a process per member) does the same, so the order of every sum
// and every byte on the way are settled here. docs/collectives.md derives them, with sources.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "backend/numeric/matrix.h"
#include "sim/plan/operation.h"

namespace lockstep::numeric {

enum class Algorithm : std::uint8_t {
  ring,                // member m sends to m + 1 only; n - 1 rounds a pass
  recursive_doubling,  // in round k with member m XOR 2^k; powers of two only
  pairwise,            // in round k to m + k and from m - k
  binomial_tree,       // the members that have it (still lack it) double (halve) every round
  dissemination,       // in round k to m + 2^k and from m - 2^k, no elements
};

std::string to_string(Algorithm algorithm);

// A collective among `members` that stand in a circle. What each works on is its working buffer, a
// row of elements. `blocks` cuts it, in elements, zero allowed:
//   all_reduce                                the buffer in pieces, one a member; any cut will do
//   reduce_scatter(v), combine                what each member receives of the sum
//   all_gather(v), dispatch                   what each member brings
//   all_to_all(v)                             from member i to member j: entry i * members + j
//   broadcast, reduce                         one entry, the buffer
//   barrier                                   none
// The working buffer is all blocks, one after the other; of all_to_all what the member sends to
// each, then what it receives from each, its own block included: whoever fills the buffer puts that
// in both places.
struct Pattern {
  OpKind kind = OpKind::barrier;
  Algorithm algorithm = Algorithm::dissemination;
  int members = 1;
  std::vector<std::int64_t> blocks;
  int root = 0;  // of broadcast, reduce
};

// What a member does in one round: it sends `send` of its working buffer, as that stood when the
// round began, and takes what comes into `receive`. -1: nothing is sent, nothing comes. Only a
// barrier sends messages without elements. Where nothing is folded the two do not overlap.
struct Turn {
  int to = -1;
  Interval send;
  int from = -1;
  Interval receive;
  bool folds = false;  // what comes is folded into what is there, else it takes its place
  bool operator==(const Turn&) const = default;
};

// The rounds of `member`, as many for every member. What i sends to j in a round, j takes from i in
// the same round. REQUIRES: the algorithm serves the kind (algorithms_for).
std::vector<Turn> turns(const Pattern& pattern, int member);
// Elements of the working buffer of `member`.
std::int64_t working_size(const Pattern& pattern, int member);
// What `member` sends to each member in all its turns, in elements: the closed forms, which do not
// look at the turns.
std::vector<std::int64_t> elements_sent(const Pattern& pattern, int member);

// The algorithms that serve `kind` among `members`, the preferred one for much data first.
std::vector<Algorithm> algorithms_for(OpKind kind, int members);
// The one that is taken. `bytes`: of the working buffer of a member. Among a power of two members
// recursive doubling is taken up to these sizes: it has fewer rounds, and of all_reduce it sends
// more (docs/collectives.md).
inline constexpr std::int64_t kDoublingReduceBytes = std::int64_t{64} * 1024;
inline constexpr std::int64_t kDoublingGatherBytes = std::int64_t{512} * 1024;
Algorithm algorithm_for(OpKind kind, int members, std::int64_t bytes);

// `total` elements in `members` pieces that differ by one at most.
std::vector<std::int64_t> even_blocks(std::int64_t total, int members);

}  // namespace lockstep::numeric
