// Recursive doubling: in round k ranks whose numbers differ in bit k exchange what they have.
//
// Precondition: n is a power of two.
//
// Messages: log2 n rounds; in round k rank p sends to p XOR 2^k. All-reduce: the whole buffer,
// added. All-gather: the blocks of the 2^k ranks that agree with p from bit k on.
//
// Closed form (Thakur, Rabenseifner, Gropp 2005):
//   all-reduce  log2 n (L + S / C)
//   all-gather  sum over k of L + 2^k (S / n) / C = log2 n L + (n - 1) / n S / C
// Exact: in every round all ranks send one message, and take one, of the same size. Where n does
// not divide S the blocks of the first ranks are larger, so the longest chain of messages is the
// one in which rank 0's half of every exchange is sent: the first 2^k blocks in round k.
#include <array>

#include "sim/cost/collectives/parts.h"

namespace lockstep {
namespace {

class RecursiveDoubling final : public MessageSchedule<RecursiveDoubling> {
 public:
  explicit RecursiveDoubling(const CollectiveCall& call)
      : MessageSchedule(call.element_bytes),
        n_(ranks_of(call)),
        blocks_(rank_blocks(call)),
        reduces_(call.kind == Collective::all_reduce) {}

  int parties() const override { return n_; }
  int rounds(int) const override { return log2_up(n_); }
  int receives(int party, int round) const override {
    return piece(party ^ (1 << round), round).count > 0 ? 1 : 0;
  }
  template <class Take>
  void each(int party, int round, Take take) const {
    take(MessagePart{party ^ (1 << round), round, piece(party, round)});
  }

 private:
  Piece piece(int party, int round) const {
    if (reduces_) return {0, blocks_.total(), true};
    const int first = party >> round << round;
    const std::int64_t begin = blocks_.first(first);
    return {begin, blocks_.first(first + (1 << round)) - begin, false};
  }

  int n_;
  Blocks blocks_;
  bool reduces_;
};

std::unique_ptr<const CollectiveSchedule> schedule(const CollectiveCall& call, const Topology&) {
  return std::make_unique<RecursiveDoubling>(call);
}

ClosedForm closed_form(const CollectiveCall& call, const Topology& topology) {
  const int n = ranks_of(call);
  const Blocks blocks = rank_blocks(call);
  ClosedForm form;
  for (int k = 0; k < log2_up(n); ++k) {
    const bool whole = call.kind == Collective::all_reduce;
    form.time +=
        topology.local.time((whole ? blocks.total() : blocks.first(1 << k)) * call.element_bytes);
    // In round k everybody sends who has something: the groups of 2^k that hold an element.
    const std::int64_t groups = (blocks.filled() + (1 << k) - 1) >> k;
    form.messages += whole ? (blocks.total() > 0 ? n : 0) : groups << k;
  }
  return form;
}

constexpr std::array kKinds{Collective::all_reduce, Collective::all_gather};

}  // namespace

const Algorithm kRecursiveDoubling{
    .name = "recursive-doubling",
    .kinds = kKinds,
    .about = "ranks whose numbers differ in one bit exchange what they have, bit after bit",
    .precondition = "groups of a power of two",
    .refuses = powers_of_two_only,
    .schedule = schedule,
    .closed_form = closed_form,
};

}  // namespace lockstep
