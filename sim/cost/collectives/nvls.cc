// NVLS: the switch of the node takes part. It sums what all ranks send up, and sends one message
// down to all of them.
//
// Precondition: one node, whose switch sums and copies (node.multicast).
//
// Messages: the buffer is n blocks, one a rank; each is cut into m chunks, and "chunk j" is chunk j
// of all blocks. Party n is the switch. Its link to each rank is as fast as the rank's own.
//   reduce-scatter  up: chunk j, summed by the switch. Down: its part of block p, to rank p.
//   all-gather      up: chunk j of the own block.      Down: chunk j, to all.
//   all-reduce      both: chunk j - 2, complete by then, is gathered along with the scattering of
//                   chunk j; a rank's two parts up are one message, and its two parts down another.
// In round j a rank sends up_j and takes down_(j-1); the switch sends down_(j-1) and takes up_j.
//
// Closed form: sum over rounds j of max(L + up_j / C, L + down_(j-1) / C), with up and down of the
// rank whose block is largest: rank 0. All parties are always in the same round: the switch waits
// for all ranks, and they for it. With c = S / m:
//   all-reduce       4 (L + c / C) + (m - 1) (L + (1 + 1 / n) c / C)    (m > 2), towards (n + 1) /
//   n S / C reduce-scatter   m (L + c / C) + L + c / (n C);  all-gather the same  towards S / C
// so an all-reduce may be faster than any that sends through n ports only: 2 (n - 1) / n S / C.
// Exact for any blocks. The number of chunks makes (m + 3) or (m + 1) such rounds least.
#include <algorithm>
#include <array>

#include "sim/cost/collectives/parts.h"

namespace lockstep {
namespace {

// What goes up and down in each round.
class Traffic {
 public:
  Traffic(const CollectiveCall& call, const Topology& topology)
      : blocks_(rank_blocks(call)),
        scatters_(call.kind != Collective::all_gather),
        gathers_(call.kind != Collective::reduce_scatter),
        lag_(scatters_ && gathers_ ? 2 : 0),
        chunks_(static_cast<int>(
            best_chunks(lag_ + 1, 1, call.bytes, topology.local, blocks_.largest()))) {}

  int ranks() const { return static_cast<int>(blocks_.parts()); }
  int rounds() const { return ranks() == 1 ? 0 : chunks_ + lag_ + 1; }

  // The pieces that `rank` sends up in round j.
  template <class Take>
  void up(int rank, int j, Take take) const {
    if (scatters_) whole(j, true, take);
    if (gathers_) take(piece(rank, j - lag_, false));
  }
  // The pieces that the switch answers with.
  template <class Take>
  void down(int rank, int j, Take take) const {
    if (scatters_) take(piece(rank, j, false));
    if (gathers_) whole(j - lag_, false, take);
  }

 private:
  Piece piece(int block, int j, bool adds) const {
    if (j < 0 || j >= chunks_) return {};
    const Blocks cut(blocks_.size(block), chunks_);
    return {blocks_.first(block) + cut.first(j), cut.size(j), adds};
  }
  template <class Take>
  void whole(int j, bool adds, Take take) const {
    for (int block = 0; block < ranks(); ++block) take(piece(block, j, adds));
  }

  Blocks blocks_;
  bool scatters_;
  bool gathers_;
  int lag_;
  int chunks_;
};

// Elements of one message.
std::int64_t count_of(const Traffic& traffic, bool goes_up, int rank, int j) {
  std::int64_t count = 0;
  const auto add = [&](const Piece& piece) { count += piece.count; };
  if (goes_up) {
    traffic.up(rank, j, add);
  } else {
    traffic.down(rank, j, add);
  }
  return count;
}

class Nvls final : public MessageSchedule<Nvls> {
 public:
  Nvls(const CollectiveCall& call, const Topology& topology)
      : MessageSchedule(call.element_bytes), traffic_(call, topology) {}

  int parties() const override { return traffic_.ranks() + 1; }
  int rounds(int) const override { return traffic_.rounds(); }
  int receives(int party, int round) const override {
    if (party < traffic_.ranks()) return count_of(traffic_, false, party, round - 1) > 0 ? 1 : 0;
    int receives = 0;
    for (int rank = 0; rank < traffic_.ranks(); ++rank) {
      if (count_of(traffic_, true, rank, round) > 0) ++receives;
    }
    return receives;
  }
  template <class Take>
  void each(int party, int round, Take take) const {
    const int nvswitch = traffic_.ranks();
    const auto to = [&](int receiver) {
      return [=](const Piece& piece) { take(MessagePart{receiver, round, piece, true}); };
    };
    if (party != nvswitch) return traffic_.up(party, round, to(nvswitch));
    for (int rank = 0; rank < nvswitch; ++rank) traffic_.down(rank, round - 1, to(rank));
  }

 private:
  Traffic traffic_;
};

std::unique_ptr<const CollectiveSchedule> schedule(const CollectiveCall& call,
                                                   const Topology& topology) {
  return std::make_unique<Nvls>(call, topology);
}

ClosedForm closed_form(const CollectiveCall& call, const Topology& topology) {
  const Traffic traffic(call, topology);
  ClosedForm form;
  for (int j = 0; j < traffic.rounds(); ++j) {
    form.time +=
        std::max(topology.local.time(count_of(traffic, true, 0, j) * call.element_bytes),
                 topology.local.time(count_of(traffic, false, 0, j - 1) * call.element_bytes));
    for (int rank = 0; rank < traffic.ranks(); ++rank) {
      form.messages += (count_of(traffic, true, rank, j) > 0 ? 1 : 0) +
                       (count_of(traffic, false, rank, j - 1) > 0 ? 1 : 0);
    }
  }
  return form;
}

std::string refuses(const CollectiveCall&, const Topology& topology) {
  if (!topology.one_node()) return "ranks on several nodes: the switch is that of one node";
  if (!topology.multicast) return "the switch of this hardware does not sum (node.multicast is 0)";
  return "";
}

constexpr std::array kKinds{Collective::all_reduce, Collective::all_gather,
                            Collective::reduce_scatter};

}  // namespace

const Algorithm kNvls{
    .name = "nvls",
    .kinds = kKinds,
    .about = "the switch sums what all ranks send up, and sends it down to all",
    .precondition = "one node whose switch sums and copies",
    .refuses = refuses,
    .schedule = schedule,
    .closed_form = closed_form,
    .switches = 1,
};

}  // namespace lockstep
