// How much each member sends to each: the closed forms of docs/collectives.md.
#include <algorithm>
#include <bit>
#include <numeric>

#include "backend/numeric/turns.h"

namespace lockstep::numeric {
namespace {

std::int64_t sum_of(const std::vector<std::int64_t>& blocks, int first, int count) {
  return std::accumulate(blocks.begin() + first, blocks.begin() + first + count, std::int64_t{0});
}

// All blocks but one a pass: of a sum the member's own, which it completes itself; of a
// concatenation the next member's, which that has already.
std::int64_t sent_round_the_ring(const Pattern& p, int member) {
  const std::int64_t all = sum_of(p.blocks, 0, p.members);
  const std::int64_t own = p.blocks[static_cast<std::size_t>(member)];
  const std::int64_t next = p.blocks[static_cast<std::size_t>((member + 1) % p.members)];
  const bool scatters = p.kind == OpKind::all_reduce || sums(p.kind);
  const bool gathers = p.kind == OpKind::all_reduce || !sums(p.kind);
  return (scatters ? all - own : 0) + (gathers ? all - next : 0);
}

// To the partner at distance `reach`: the whole buffer, or the blocks of the `reach` members that
// the member is among.
std::int64_t sent_when_doubling(const Pattern& p, int member, int reach) {
  if (sums(p.kind)) return sum_of(p.blocks, 0, p.members);
  return sum_of(p.blocks, member / reach * reach, reach);
}

}  // namespace

std::vector<std::int64_t> elements_sent(const Pattern& p, int member) {
  std::vector<std::int64_t> sent(static_cast<std::size_t>(p.members), 0);
  const auto to = [&](int peer) -> std::int64_t& {
    return sent[static_cast<std::size_t>(peer % p.members)];
  };
  const int place = (member + p.members - p.root) % p.members;  // in a tree, from the root
  if (p.algorithm == Algorithm::ring && p.members > 1) {
    to(member + 1) = sent_round_the_ring(p, member);
  } else if (p.algorithm == Algorithm::recursive_doubling) {
    for (int reach = 1; reach < p.members; reach *= 2) {
      to(member ^ reach) = sent_when_doubling(p, member, reach);
    }
  } else if (p.algorithm == Algorithm::pairwise) {
    std::copy_n(p.blocks.begin() + static_cast<std::ptrdiff_t>(member) * p.members, p.members,
                sent.begin());
    to(member) = 0;
  } else if (p.kind == OpKind::reduce && place > 0) {
    const int lowest_bit = place & -place;
    to(member + p.members - lowest_bit) = p.blocks.front();
  } else if (p.kind == OpKind::broadcast) {
    // To place + 2^k for every 2^k below its own lowest bit; the root has none.
    for (int reach = 1; reach < p.members; reach *= 2) {
      if ((place & (2 * reach - 1)) == 0 && place + reach < p.members) {
        to(member + reach) = p.blocks.front();
      }
    }
  }
  return sent;
}

}  // namespace lockstep::numeric
