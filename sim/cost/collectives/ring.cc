// Ring: rank p sends to p + 1 only.
//
// Precondition: none. Chunks are the blocks of the call, or the buffer cut into n that differ by
// one element at most.
//
// Messages: in round k, rank p sends chunk p - shift - k (modulo n). A scattering has n - 1 rounds
// and adds what arrives: chunk d starts at d + 1 (shift 1) and is complete at d. A gathering has
// n - 1 rounds and copies (shift 0). An all-reduce is both, 2 (n - 1) rounds: chunk d starts at d,
// is complete at d - 1 and goes round once more.
//
// Closed form: rounds (L + c / C), c the largest chunk: c = S / n, so
//   all-reduce                2 (n - 1) (L + S / (n C))
//   all-gather, -scatter        (n - 1) (L + S / (n C))
// It is exact for any chunks. The start of a rank's round waits for its own last send and for the
// message of p - 1, so the time is that of the longest chain of messages in which each is sent by
// the rank or to the rank that sent the one before. Such a chain has at most `rounds` messages,
// none longer than L + c / C; and the largest chunk itself is sent in every round. (Patarasuk and
// Yuan, 2009: bandwidth optimal all-reduce.)
//
// A broadcast or a reduce is a chain along the ring: see chains.cc.
//
// Every out-link carries every chunk but one in a pass: 2 (n - 1) / n S of an all-reduce.
#include <array>

#include "sim/cost/collectives/chains.h"
#include "sim/cost/collectives/parts.h"

namespace lockstep {
namespace {

class Ring final : public MessageSchedule<Ring> {
 public:
  explicit Ring(const CollectiveCall& call)
      : MessageSchedule(call.element_bytes), n_(ranks_of(call)), blocks_(rank_blocks(call)) {
    const bool scatters =
        call.kind == Collective::reduce_scatter || call.kind == Collective::reduce_scatterv;
    const bool reduces = scatters || call.kind == Collective::all_reduce;
    shift_ = scatters ? 1 : 0;
    adding_rounds_ = reduces ? n_ - 1 : 0;
    rounds_ = call.kind == Collective::all_reduce ? 2 * (n_ - 1) : n_ - 1;
  }

  int parties() const override { return n_; }
  int rounds(int) const override { return rounds_; }
  int receives(int party, int round) const override {
    return blocks_.size(chunk(party - 1, round)) > 0 ? 1 : 0;
  }
  template <class Take>
  void each(int party, int round, Take take) const {
    const int sent = chunk(party, round);
    const int next = party + 1 == n_ ? 0 : party + 1;
    take(MessagePart{
        next, round, {blocks_.first(sent), blocks_.size(sent), round < adding_rounds_}});
  }

 private:
  int chunk(int party, int round) const {
    int chunk = party - shift_ - round;
    while (chunk < 0) chunk += n_;
    return chunk;
  }

  int n_;
  Blocks blocks_;
  int shift_ = 0;
  int adding_rounds_ = 0;
  int rounds_ = 0;
};

bool is_chain(Collective kind) {
  return kind == Collective::broadcast || kind == Collective::reduce;
}

std::unique_ptr<const CollectiveSchedule> schedule(const CollectiveCall& call,
                                                   const Topology& topology) {
  if (is_chain(call.kind)) return chain_schedule(call, topology);
  return std::make_unique<Ring>(call);
}

ClosedForm closed_form(const CollectiveCall& call, const Topology& topology) {
  if (is_chain(call.kind)) return chain_formula(call, topology);
  const Blocks blocks = rank_blocks(call);
  const int passes = call.kind == Collective::all_reduce ? 2 : 1;
  const int rounds = passes * (ranks_of(call) - 1);
  return {rounds * topology.local.time(blocks.largest() * call.element_bytes),
          rounds * blocks.filled(), ClosedForm::Holds::exactly};
}

constexpr std::array kKinds{Collective::all_reduce,      Collective::all_gather,
                            Collective::reduce_scatter,  Collective::all_gatherv,
                            Collective::reduce_scatterv, Collective::broadcast,
                            Collective::reduce};

}  // namespace

const Algorithm kRing{
    .name = "ring",
    .kinds = kKinds,
    .about = "each rank sends to the next only, one chunk a round",
    .precondition = "any group",
    .refuses = serves_all,
    .schedule = schedule,
    .closed_form = closed_form,
};

}  // namespace lockstep
