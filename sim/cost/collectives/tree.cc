// Double binary tree: two trees over all ranks but the root, each for half of the buffer; a rank
// that has children in one is a leaf of the other. (Sanders, Speck, Traff 2009.)
//
// Precondition: none. Rank 0 is the root of both; the other N = n - 1 stand in each tree as in a
// heap: place i has the children 2 i and 2 i + 1, and rank p is at place p of the first tree, and
// at place n - p of the second.
//
// Messages: each half is cut into m chunks. Broadcast: a rank at depth d (the root: 0) takes chunk
// j in round j + d - 1 and sends it to its children, at once, in round j + d. A reduce is the same
// backwards, with what comes added; D, the depth of the deepest, stands for 0. An all-reduce is the
// reduce, then the broadcast.
//
// Closed form, with c = S / (2 m) bytes of a chunk:
//   broadcast, reduce   (D + m - 1) (L + c / (C / 2))
//   all-reduce        2 (D + m - 1) (L + c / (C / 2))
// No link ever has more than two flows: those from or to the two children in one tree, or one of
// each tree; so each has at least C / 2, and no round takes longer. As m grows a broadcast comes
// to S / C, an all-reduce to 2 S / C. The formula is least at m = sqrt((D - 1) S / (L C)); m is the
// power of two at or below that.
// Exact where all chunks are equal and, of reduces, n is a power of two (then all ranks are always
// in the same round); of broadcasts, n - 1 is no power of two above 1 (then an only child, whose
// flow may have all of C, is deepest). For others the messages take at most that long.
#include <algorithm>
#include <array>
#include <bit>

#include "sim/cost/collectives/parts.h"

namespace lockstep {
namespace {

// Both trees; places and ranks from 1.
struct Trees {
  int n = 1;

  int place(int tree, int rank) const { return tree == 0 ? rank : n - rank; }
  int parent(int tree, int rank) const {
    const int above = place(tree, rank) / 2;
    return above == 0 ? 0 : place(tree, above);
  }
  // The root's only child in each tree is the one at place 1.
  template <class Take>
  void children(int tree, int rank, Take take) const {
    const int first = rank == 0 ? 1 : 2 * place(tree, rank);
    for (int child = first; child <= (rank == 0 ? 1 : first + 1); ++child) {
      if (child < n) take(place(tree, child));
    }
  }
  int depth(int tree, int rank) const {
    int depth = 0;
    for (int i = rank == 0 ? 0 : place(tree, rank); i > 0; i /= 2) ++depth;
    return depth;
  }
  int deepest() const { return n == 1 ? 0 : depth(0, n - 1); }
};

struct Cut {
  std::int64_t chunks;
  Blocks halves;
  std::array<Blocks, 2> parts;  // chunks of each half

  Cut(const CollectiveCall& call, const Topology& topology)
      : chunks(count(call, topology)),
        halves(elements_of(call), 2),
        parts{Blocks(halves.size(0), chunks), Blocks(halves.size(1), chunks)} {}

  Piece piece(int tree, std::int64_t chunk, bool adds) const {
    if (chunk < 0 || chunk >= chunks) return {};
    const Blocks& half = parts[static_cast<std::size_t>(tree)];
    return {halves.first(tree) + half.first(chunk), half.size(chunk), adds};
  }
  bool equal() const { return halves.equal() && parts[0].equal(); }

 private:
  // A power of two, so that buffers of common sizes have equal chunks.
  static std::int64_t count(const CollectiveCall& call, const Topology& topology) {
    const int fill = Trees{ranks_of(call)}.deepest() - 1;
    const std::int64_t best =
        best_chunks(std::max(0, fill), 1, call.bytes, topology.slowest(), elements_of(call) / 2);
    return static_cast<std::int64_t>(std::bit_floor(static_cast<std::uint64_t>(best)));
  }
};

class Tree final : public MessageSchedule<Tree> {
 public:
  Tree(const CollectiveCall& call, const Topology& topology)
      : MessageSchedule(call.element_bytes),
        trees_{ranks_of(call)},
        cut_(call, topology),
        deepest_(trees_.deepest()),
        pass_(deepest_ == 0 ? 0 : deepest_ + static_cast<int>(cut_.chunks) - 1),
        reducing_(call.kind == Collective::broadcast ? 0 : pass_),
        rounds_(reducing_ + (call.kind == Collective::reduce ? 0 : pass_)) {}

  int parties() const override { return trees_.n; }
  int rounds(int) const override { return rounds_; }

  int receives(int party, int round) const override {
    int receives = 0;
    for (int tree = 0; tree < 2; ++tree) {
      if (round < reducing_) {
        const int step = round - (deepest_ - trees_.depth(tree, party) - 1);
        if (cut_.piece(tree, step, true).count == 0) continue;
        trees_.children(tree, party, [&](int) { ++receives; });
      } else if (party != 0) {
        const int step = round - reducing_ - (trees_.depth(tree, party) - 1);
        if (cut_.piece(tree, step, false).count > 0) ++receives;
      }
    }
    return receives;
  }

  template <class Take>
  void each(int party, int round, Take take) const {
    for (int tree = 0; tree < 2; ++tree) {
      const int depth = trees_.depth(tree, party);
      if (round < reducing_) {
        const Piece piece = cut_.piece(tree, round - (deepest_ - depth), true);
        if (party != 0) take(MessagePart{trees_.parent(tree, party), round, piece});
      } else {
        const Piece piece = cut_.piece(tree, round - reducing_ - depth, false);
        trees_.children(tree, party, [&](int child) { take(MessagePart{child, round, piece}); });
      }
    }
  }

 private:
  Trees trees_;
  Cut cut_;
  int deepest_;
  int pass_;      // rounds of one way
  int reducing_;  // rounds of the reduce
  int rounds_;
};

bool is_exact(const CollectiveCall& call, const Cut& cut) {
  const int n = ranks_of(call);
  if (!cut.equal()) return false;
  if (call.kind == Collective::broadcast) return n == 2 || !is_power_of_two(n - 1);
  return is_power_of_two(n);
}

std::unique_ptr<const CollectiveSchedule> schedule(const CollectiveCall& call,
                                                   const Topology& topology) {
  return std::make_unique<Tree>(call, topology);
}

ClosedForm closed_form(const CollectiveCall& call, const Topology& topology) {
  const int n = ranks_of(call);
  if (n == 1) return {};
  const Cut cut(call, topology);
  const int ways = call.kind == Collective::all_reduce ? 2 : 1;
  const std::int64_t steps = Trees{n}.deepest() + cut.chunks - 1;
  const std::int64_t filled = cut.parts[0].filled() + cut.parts[1].filled();
  const Duration step = topology.local.shared(2).time(cut.parts[0].largest() * call.element_bytes);
  return {ways * steps * step, std::int64_t{ways} * (n - 1) * filled,
          is_exact(call, cut) ? ClosedForm::Holds::exactly : ClosedForm::Holds::at_most};
}

constexpr std::array kKinds{Collective::all_reduce, Collective::broadcast, Collective::reduce};

}  // namespace

const Algorithm kTree{
    .name = "tree",
    .kinds = kKinds,
    .about = "two binary trees, each for half of the data, in chunks one behind the other",
    .precondition = "any group",
    .refuses = serves_all,
    .schedule = schedule,
    .closed_form = closed_form,
};

}  // namespace lockstep
