// Pairwise exchange: everybody sends to everybody, one after the other.
//
// Precondition: none.
//
// Messages: n - 1 rounds; in round k = 0, 1, ... rank p sends to p + k + 1, and takes from p - k
// - 1.
//
// Closed form (Thakur, Rabenseifner, Gropp 2005), b what one rank has for another:
//   (n - 1) (L + b / C), of S = n b bytes of one rank's buffer
// Exact where all b are equal: all ranks are always in the same round, so no two messages meet. If
// they are not, ranks come to be in different rounds, and messages meet at receivers. Then the
// formula is that of the slowest sender, the largest over p of the sum over q of L + b_pq / C, and
// the messages take at least that long.
#include <array>

#include "sim/cost/collectives/parts.h"

namespace lockstep {
namespace {

class Pairwise final : public MessageSchedule<Pairwise> {
 public:
  explicit Pairwise(const CollectiveCall& call)
      : MessageSchedule(call.element_bytes), n_(ranks_of(call)), blocks_(call) {}

  int parties() const override { return n_; }
  int rounds(int) const override { return n_ - 1; }
  int receives(int party, int round) const override {
    return blocks_.size((party + n_ - round - 1) % n_, party) > 0 ? 1 : 0;
  }
  template <class Take>
  void each(int party, int round, Take take) const {
    const int to = (party + round + 1) % n_;
    take(MessagePart{to, round, {blocks_.first(party, to), blocks_.size(party, to), false}});
  }

 private:
  int n_;
  PairBlocks blocks_;
};

std::unique_ptr<const CollectiveSchedule> schedule(const CollectiveCall& call, const Topology&) {
  return std::make_unique<Pairwise>(call);
}

ClosedForm closed_form(const CollectiveCall& call, const Topology& topology) {
  const PairBlocks blocks(call);
  const int n = blocks.ranks();
  ClosedForm form;
  if (!blocks.equal()) form.holds = ClosedForm::Holds::at_least;
  // Cut evenly, all have the same; the last rank's own block, which it need not send, is smallest.
  for (int p = call.sizes.empty() ? n - 1 : 0; p < n; ++p) {
    Duration sending{};
    for (int k = 1; k < n; ++k) {
      const std::int64_t size = blocks.size(p, around(p + k, n));
      sending += topology.local.time(size * call.element_bytes);
      form.messages += size > 0 ? 1 : 0;
    }
    form.time = std::max(form.time, sending);
  }
  if (call.sizes.empty()) form.messages = rank_blocks(call).filled() * (n - 1);
  return form;
}

constexpr std::array kKinds{Collective::all_to_all, Collective::all_to_allv};

}  // namespace

const Algorithm kPairwise{
    .name = "pairwise",
    .kinds = kKinds,
    .about = "in each round every rank sends to one other and takes from one other",
    .precondition = "any group",
    .refuses = serves_all,
    .schedule = schedule,
    .closed_form = closed_form,
};

}  // namespace lockstep
