// Binomial tree: the ranks that have the buffer (of a reduce: that still lack it) double every
// round.
//
// Precondition: none; rank 0 is the root.
//
// Messages: ceil(log2 n) rounds. Broadcast: in round k the ranks below 2^k send the buffer to p +
// 2^k, if there is such a rank. A reduce is the same backwards, with what comes added.
//
// Closed form (Thakur, Rabenseifner, Gropp 2005): ceil(log2 n) (L + S / C).
// Exact for broadcasts: rank 0 sends one message a round, and who has the buffer later sends less
// often. Exact for reduces among powers of two, where all send and take in the same round. Of other
// groups a rank may have nothing to wait for and send early, sharing the receiver's link: the
// messages take at most the formula's time.
#include <array>

#include "sim/cost/collectives/parts.h"

namespace lockstep {
namespace {

class Binomial final : public MessageSchedule<Binomial> {
 public:
  explicit Binomial(const CollectiveCall& call)
      : MessageSchedule(call.element_bytes),
        n_(ranks_of(call)),
        reduces_(call.kind == Collective::reduce),
        total_(elements_of(call)) {}

  int parties() const override { return n_; }
  int rounds(int) const override { return log2_up(n_); }
  int receives(int party, int round) const override {
    const int half = half_of(round);
    if (total_ == 0) return 0;
    if (reduces_) return party < half && party + half < n_ ? 1 : 0;
    return party >= half && party < 2 * half ? 1 : 0;
  }
  template <class Take>
  void each(int party, int round, Take take) const {
    const int half = half_of(round);
    const bool sends =
        reduces_ ? party >= half && party < 2 * half : party < half && party + half < n_;
    if (sends)
      take(MessagePart{reduces_ ? party - half : party + half, round, {0, total_, reduces_}});
  }

 private:
  // So many have it before the round of a broadcast, after that of a reduce.
  int half_of(int round) const { return 1 << (reduces_ ? log2_up(n_) - 1 - round : round); }

  int n_;
  bool reduces_;
  std::int64_t total_;
};

std::unique_ptr<const CollectiveSchedule> schedule(const CollectiveCall& call, const Topology&) {
  return std::make_unique<Binomial>(call);
}

ClosedForm closed_form(const CollectiveCall& call, const Topology& topology) {
  const int n = ranks_of(call);
  const std::int64_t bytes = elements_of(call) * call.element_bytes;
  const bool exact = call.kind == Collective::broadcast || is_power_of_two(n);
  return {log2_up(n) * topology.local.time(bytes), bytes > 0 ? n - 1 : 0,
          exact ? ClosedForm::Holds::exactly : ClosedForm::Holds::at_most};
}

constexpr std::array kKinds{Collective::broadcast, Collective::reduce};

}  // namespace

const Algorithm kBinomial{
    .name = "binomial",
    .kinds = kKinds,
    .about = "a tree in which the ranks that have the buffer double every round",
    .precondition = "any group",
    .refuses = serves_all,
    .schedule = schedule,
    .closed_form = closed_form,
};

}  // namespace lockstep
