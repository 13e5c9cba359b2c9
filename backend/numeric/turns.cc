#include "backend/numeric/turns.h"

#include <algorithm>
#include <bit>
#include <numeric>

#include "sim/base/require.h"

namespace lockstep::numeric {
namespace {

// Where each block of a working buffer lies. Members stand in a circle, so block -1 is the last.
class Places {
 public:
  explicit Places(const std::vector<std::int64_t>& blocks) : first_(blocks.size() + 1, 0) {
    std::partial_sum(blocks.begin(), blocks.end(), first_.begin() + 1);
  }

  Interval block(int index) const {
    const auto n = static_cast<int>(first_.size()) - 1;
    const int at = ((index % n) + n) % n;
    return blocks(at, at + 1);
  }
  Interval blocks(int first, int last) const {
    return {first_[static_cast<std::size_t>(first)], first_[static_cast<std::size_t>(last)]};
  }
  Interval all() const { return {0, first_.back()}; }

 private:
  std::vector<std::int64_t> first_;
};

// A turn whose empty halves are left out.
Turn turn(int to, Interval send, int from, Interval receive, bool folds) {
  Turn turn;
  if (send.size() > 0) {
    turn.to = to;
    turn.send = send;
  }
  if (receive.size() > 0) {
    turn.from = from;
    turn.receive = receive;
    turn.folds = folds;
  }
  return turn;
}

// Rounds until 1, doubled in each, is `members` or more.
int doublings(int members) {
  return static_cast<int>(std::bit_width(static_cast<unsigned>(members - 1)));
}

// Block b goes round from member b + 1 and is complete when it comes to member b.
void ring_scatter(const Pattern& p, int member, std::vector<Turn>& out) {
  const Places places(p.blocks);
  const int n = p.members;
  for (int k = 0; k < n - 1; ++k) {
    out.push_back(turn((member + 1) % n, places.block(member - 1 - k), (member + n - 1) % n,
                       places.block(member - 2 - k), true));
  }
}

// Block b goes round from member b.
void ring_gather(const Pattern& p, int member, std::vector<Turn>& out) {
  const Places places(p.blocks);
  const int n = p.members;
  for (int k = 0; k < n - 1; ++k) {
    out.push_back(turn((member + 1) % n, places.block(member - k), (member + n - 1) % n,
                       places.block(member - 1 - k), false));
  }
}

// Before round k the members that agree in all bits from k on have the same sum.
void doubling_reduce(const Pattern& p, int member, std::vector<Turn>& out) {
  const Interval all = Places(p.blocks).all();
  for (int reach = 1; reach < p.members; reach *= 2) {
    out.push_back(turn(member ^ reach, all, member ^ reach, all, true));
  }
}

// Before round k the members that agree in all bits from k on have each other's blocks.
void doubling_gather(const Pattern& p, int member, std::vector<Turn>& out) {
  const Places places(p.blocks);
  for (int reach = 1; reach < p.members; reach *= 2) {
    const int own = member / reach * reach;
    const int theirs = own ^ reach;
    out.push_back(turn(member ^ reach, places.blocks(own, own + reach), member ^ reach,
                       places.blocks(theirs, theirs + reach), false));
  }
}

std::vector<std::int64_t> sent_blocks(const Pattern& p, int member) {
  const auto first = p.blocks.begin() + static_cast<std::ptrdiff_t>(member) * p.members;
  return {first, first + p.members};
}

std::vector<std::int64_t> received_blocks(const Pattern& p, int member) {
  std::vector<std::int64_t> blocks;
  for (int from = 0; from < p.members; ++from) {
    const std::ptrdiff_t row = std::ptrdiff_t{from} * p.members;
    blocks.push_back(p.blocks[static_cast<std::size_t>(row + member)]);
  }
  return blocks;
}

void pairwise(const Pattern& p, int member, std::vector<Turn>& out) {
  const Places input(sent_blocks(p, member));
  const Places output(received_blocks(p, member));
  const std::int64_t shift = input.all().size();
  for (int k = 1; k < p.members; ++k) {
    const int to = (member + k) % p.members;
    const int from = (member + p.members - k) % p.members;
    const Interval receive = output.block(from);
    out.push_back(
        turn(to, input.block(to), from, {receive.first + shift, receive.last + shift}, false));
  }
}

// Places are counted from the root. Before a round the member at every multiple of `reach` has the
// sum of the `reach` members from there on.
void tree_reduce(const Pattern& p, int member, std::vector<Turn>& out) {
  const Interval all = Places(p.blocks).all();
  const int place = (member + p.members - p.root) % p.members;
  for (int reach = 1; reach < p.members; reach *= 2) {
    const bool sends = place % (2 * reach) == reach;
    const bool takes = place % (2 * reach) == 0 && place + reach < p.members;
    out.push_back(turn((member + p.members - reach) % p.members, sends ? all : Interval{},
                       (member + reach) % p.members, takes ? all : Interval{}, true));
  }
}

// The same tree from the root to the leaves.
void tree_broadcast(const Pattern& p, int member, std::vector<Turn>& out) {
  const Interval all = Places(p.blocks).all();
  const int place = (member + p.members - p.root) % p.members;
  for (int reach = 1 << doublings(p.members) >> 1; reach > 0; reach /= 2) {
    const bool takes = place % (2 * reach) == reach;
    const bool sends = place % (2 * reach) == 0 && place + reach < p.members;
    out.push_back(turn((member + reach) % p.members, sends ? all : Interval{},
                       (member + p.members - reach) % p.members, takes ? all : Interval{}, false));
  }
}

// After round k a member has heard, through others, of the 2^(k+1) - 1 members before it.
void disseminate(const Pattern& p, int member, std::vector<Turn>& out) {
  for (int reach = 1; reach < p.members; reach *= 2) {
    Turn& turn = out.emplace_back();
    turn.to = (member + reach) % p.members;
    turn.from = (member + p.members - reach) % p.members;
  }
}

bool is_power_of_two(int members) { return std::has_single_bit(static_cast<unsigned>(members)); }

}  // namespace

std::string to_string(Algorithm algorithm) {
  switch (algorithm) {
    case Algorithm::ring:
      return "ring";
    case Algorithm::recursive_doubling:
      return "recursive_doubling";
    case Algorithm::pairwise:
      return "pairwise";
    case Algorithm::binomial_tree:
      return "binomial_tree";
    case Algorithm::dissemination:
      return "dissemination";
  }
  return {};
}

std::vector<Turn> turns(const Pattern& pattern, int member) {
  const bool doubles = pattern.algorithm == Algorithm::recursive_doubling;
  LOCKSTEP_ASSERT(!doubles || is_power_of_two(pattern.members));
  std::vector<Turn> all;
  switch (pattern.kind) {
    case OpKind::all_reduce:
      if (doubles) {
        doubling_reduce(pattern, member, all);
      } else {
        ring_scatter(pattern, member, all);
        ring_gather(pattern, member, all);
      }
      break;
    case OpKind::all_gather:
    case OpKind::all_gatherv:
    case OpKind::dispatch:
      (doubles ? doubling_gather : ring_gather)(pattern, member, all);
      break;
    case OpKind::reduce_scatter:
    case OpKind::reduce_scatterv:
    case OpKind::combine:
      ring_scatter(pattern, member, all);
      break;
    case OpKind::all_to_all:
    case OpKind::all_to_allv:
      pairwise(pattern, member, all);
      break;
    case OpKind::reduce:
      tree_reduce(pattern, member, all);
      break;
    case OpKind::broadcast:
      tree_broadcast(pattern, member, all);
      break;
    default:
      LOCKSTEP_ASSERT(pattern.kind == OpKind::barrier);
      disseminate(pattern, member, all);
  }
  return all;
}

std::int64_t working_size(const Pattern& pattern, int member) {
  if (pattern.kind != OpKind::all_to_all && pattern.kind != OpKind::all_to_allv) {
    return Places(pattern.blocks).all().size();
  }
  return Places(sent_blocks(pattern, member)).all().size() +
         Places(received_blocks(pattern, member)).all().size();
}

std::vector<Algorithm> algorithms_for(OpKind kind, int members) {
  switch (kind) {
    case OpKind::all_reduce:
    case OpKind::all_gather:
    case OpKind::all_gatherv:
    case OpKind::dispatch:
      if (is_power_of_two(members)) return {Algorithm::ring, Algorithm::recursive_doubling};
      return {Algorithm::ring};
    case OpKind::reduce_scatter:
    case OpKind::reduce_scatterv:
    case OpKind::combine:
      return {Algorithm::ring};
    case OpKind::all_to_all:
    case OpKind::all_to_allv:
      return {Algorithm::pairwise};
    case OpKind::reduce:
    case OpKind::broadcast:
      return {Algorithm::binomial_tree};
    default:
      LOCKSTEP_ASSERT(kind == OpKind::barrier);
      return {Algorithm::dissemination};
  }
}

Algorithm algorithm_for(OpKind kind, int members, std::int64_t bytes) {
  const std::int64_t limit =
      kind == OpKind::all_reduce ? kDoublingReduceBytes : kDoublingGatherBytes;
  const std::vector<Algorithm> known = algorithms_for(kind, members);
  return bytes <= limit ? known.back() : known.front();
}

std::vector<std::int64_t> even_blocks(std::int64_t total, int members) {
  std::vector<std::int64_t> blocks;
  for (std::int64_t i = 0; i < members; ++i) {
    blocks.push_back(total * (i + 1) / members - total * i / members);
  }
  return blocks;
}

}  // namespace lockstep::numeric
