// Hierarchical: rings on every node, and rings of the ranks with the same place on their nodes (a
// rail each) between nodes.
//
// Precondition: as many ranks on every node, next to each other in the group.
//
// Messages: rank (a, i), number a g + i, is rank i of g on node a of k. The buffer is n blocks, one
// a rank; piece i is the k blocks of rail i.
//   reduce-scatter  ring on the node over pieces (g - 1 rounds), then on the rail over the blocks
//   of
//                   the own piece (k - 1 rounds)
//   all-gather      the same backwards: rail, then node
//   all-reduce      node, rail there and back, node: 2 (k - 1) + 2 (g - 1) rounds
//
// Closed form, L and C on the node, M and D between nodes:
//   reduce-scatter, all-gather  (g - 1) (L + S / (g C)) + (k - 1) (M + S / (n D))
//   all-reduce                  twice that
// It is ring's, twice: the largest piece arrives last, at the rank whose rail has the largest
// blocks. D is what a rank has while all ranks of its node send: a NIC's rate over the ranks that
// share it. Exact, but where ranks share a NIC and n does not divide S: then the messages take at
// most as long. Per rank 2 (k - 1) / k S / g bytes go between nodes, a g-th of what a flat ring
// sends there.
#include <array>

#include "sim/cost/collectives/parts.h"

namespace lockstep {
namespace {

class Hierarchical final : public MessageSchedule<Hierarchical> {
 public:
  Hierarchical(const CollectiveCall& call, const Topology& topology)
      : MessageSchedule(call.element_bytes),
        n_(topology.ranks),
        g_(topology.per_node),
        k_(topology.nodes()),
        scatters_(call.kind != Collective::all_gather),
        gathers_(call.kind != Collective::reduce_scatter),
        blocks_(rank_blocks(call)) {}

  int parties() const override { return n_; }
  int rounds(int) const override {
    return ((scatters_ ? 1 : 0) + (gathers_ ? 1 : 0)) * (g_ - 1 + k_ - 1);
  }
  int receives(int party, int round) const override {
    const Turn turn = turn_of(round);
    const int from = turn.on_node ? neighbour(party, 0, -1) : neighbour(party, -1, 0);
    int receives = 0;
    each(from, round, [&](const MessagePart& part) { receives |= part.piece.count > 0 ? 1 : 0; });
    return receives;
  }
  template <class Take>
  void each(int party, int round, Take take) const {
    const Turn turn = turn_of(round);
    const int node = party / g_;
    const int place = party % g_;
    const int shift = turn.adds ? 1 : 0;  // as of ring: a scattering ends where it belongs
    if (turn.on_node) {
      const int sent = around(place - shift - turn.round, g_);
      for (int a = 0; a < k_; ++a) {
        take(MessagePart{neighbour(party, 0, 1), round, block(a, sent, turn.adds), true});
      }
    } else {
      const int sent = around(node - shift - turn.round, k_);
      take(MessagePart{neighbour(party, 1, 0), round, block(sent, place, turn.adds)});
    }
  }

 private:
  // A round of one of up to four rings: node, rail, rail, node.
  struct Turn {
    bool on_node = false;
    bool adds = false;
    int round = 0;
  };
  Turn turn_of(int round) const {
    if (scatters_) {
      if (round < g_ - 1) return {true, true, round};
      round -= g_ - 1;
      if (round < k_ - 1) return {false, true, round};
      round -= k_ - 1;
    }
    if (round < k_ - 1) return {false, false, round};
    return {true, false, round - (k_ - 1)};
  }
  int neighbour(int party, int nodes, int places) const {
    return around(party / g_ + nodes, k_) * g_ + around(party % g_ + places, g_);
  }
  Piece block(int node, int place, bool adds) const {
    const int index = node * g_ + place;
    return {blocks_.first(index), blocks_.size(index), adds};
  }

  int n_;
  int g_;
  int k_;
  bool scatters_;
  bool gathers_;
  Blocks blocks_;
};

std::unique_ptr<const CollectiveSchedule> schedule(const CollectiveCall& call,
                                                   const Topology& topology) {
  return std::make_unique<Hierarchical>(call, topology);
}

ClosedForm closed_form(const CollectiveCall& call, const Topology& topology) {
  const Blocks blocks = rank_blocks(call);
  const int g = topology.per_node;
  const int k = topology.nodes();
  std::int64_t piece = 0;  // of the first rail, the largest
  for (int a = 0; a < k; ++a) piece += blocks.size(std::int64_t{a} * g);
  const int passes = call.kind == Collective::all_reduce ? 2 : 1;
  ClosedForm form;
  form.time = passes * ((g - 1) * topology.local.time(piece * call.element_bytes) +
                        (k - 1) * topology.network.time(blocks.largest() * call.element_bytes));
  // Pieces that are not empty: the blocks that are not come first, those of node 0 foremost.
  const std::int64_t pieces = std::min<std::int64_t>(g, blocks.filled());
  form.messages = passes * ((g - 1) * pieces * k + (k - 1) * blocks.filled());
  if (topology.sharing > 1 && !blocks.equal()) form.holds = ClosedForm::Holds::at_most;
  return form;
}

std::string refuses(const CollectiveCall&, const Topology& topology) {
  if (topology.per_node > 0) return "";
  return "nodes with different numbers of ranks of this group, or ranks out of order: it needs as "
         "many on every node, next to each other";
}

constexpr std::array kKinds{Collective::all_reduce, Collective::all_gather,
                            Collective::reduce_scatter};

}  // namespace

const Algorithm kHierarchical{
    .name = "hierarchical",
    .kinds = kKinds,
    .about = "rings on every node, and rings between the ranks of one place on each",
    .precondition = "as many ranks on every node, next to each other",
    .refuses = refuses,
    .schedule = schedule,
    .closed_form = closed_form,
    .crosses_nodes = true,
};

}  // namespace lockstep
