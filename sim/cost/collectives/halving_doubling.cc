// Recursive halving, then doubling (Rabenseifner's all-reduce); the halving alone is a
// reduce-scatter.
//
// Precondition: n is a power of two.
//
// Messages: log2 n rounds of halving: with d = n / 2, n / 4, ..., 1 rank p sends p XOR d the blocks
// that are still the partner's, the d blocks of its half, and adds what comes to its own. Then
// block p is complete at p. An all-reduce goes back: log2 n rounds of doubling, d = 1, 2, ..., n
// / 2.
//
// Closed form (Thakur, Rabenseifner, Gropp 2005):
//   reduce-scatter    sum over d of L + d (S / n) / C =   log2 n L +   (n - 1) / n S / C
//   all-reduce                                        = 2 log2 n L + 2 (n - 1) / n S / C
// Exact, also where n does not divide S: then the first blocks are larger, and the messages of the
// first d blocks follow one another.
#include <array>

#include "sim/cost/collectives/parts.h"

namespace lockstep {
namespace {

class HalvingDoubling final : public MessageSchedule<HalvingDoubling> {
 public:
  explicit HalvingDoubling(const CollectiveCall& call)
      : MessageSchedule(call.element_bytes),
        n_(ranks_of(call)),
        bits_(log2_up(n_)),
        rounds_(call.kind == Collective::all_reduce ? 2 * bits_ : bits_),
        blocks_(rank_blocks(call)) {}

  int parties() const override { return n_; }
  int rounds(int) const override { return rounds_; }
  int receives(int party, int round) const override {
    return piece(partner(party, round), round).count > 0 ? 1 : 0;
  }
  template <class Take>
  void each(int party, int round, Take take) const {
    take(MessagePart{partner(party, round), round, piece(party, round)});
  }

 private:
  int distance(int round) const { return round < bits_ ? n_ >> (round + 1) : 1 << (round - bits_); }
  int partner(int party, int round) const { return party ^ distance(round); }
  // What `party` sends: of the halving the partner's half, of the doubling its own.
  Piece piece(int party, int round) const {
    const bool halves = round < bits_;
    const int d = distance(round);
    const int first = (halves ? party ^ d : party) & ~(d - 1);
    const std::int64_t begin = blocks_.first(first);
    return {begin, blocks_.first(first + d) - begin, halves};
  }

  int n_;
  int bits_;
  int rounds_;
  Blocks blocks_;
};

std::unique_ptr<const CollectiveSchedule> schedule(const CollectiveCall& call, const Topology&) {
  return std::make_unique<HalvingDoubling>(call);
}

ClosedForm closed_form(const CollectiveCall& call, const Topology& topology) {
  const int n = ranks_of(call);
  const Blocks blocks = rank_blocks(call);
  const int passes = call.kind == Collective::all_reduce ? 2 : 1;
  ClosedForm form;
  for (int d = n / 2; d >= 1; d /= 2) {
    form.time += passes * topology.local.time(blocks.first(d) * call.element_bytes);
    // Each group of d blocks that is not empty goes to, or comes from, d ranks.
    form.messages += std::int64_t{passes} * d * ((blocks.filled() + d - 1) / d);
  }
  return form;
}

constexpr std::array kKinds{Collective::all_reduce, Collective::reduce_scatter};

}  // namespace

const Algorithm kHalvingDoubling{
    .name = "halving-doubling",
    .kinds = kKinds,
    .about = "halves are exchanged and added until each rank has a block, then doubled back",
    .precondition = "groups of a power of two",
    .refuses = powers_of_two_only,
    .schedule = schedule,
    .closed_form = closed_form,
};

}  // namespace lockstep
