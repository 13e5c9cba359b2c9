// Dissemination barrier: in round k rank p tells p + 2^k, and hears from p - 2^k.
//
// Precondition: none.
//
// Messages: ceil(log2 n) rounds, a flag of 8 bytes each. Before round k a rank has heard of the 2^k
// ranks up to itself, after it of 2^(k+1); so after all rounds of everybody.
//
// Closed form (Hensgen, Finkel, Manber 1988): ceil(log2 n) (L + 8 bytes / C). Exact: all ranks are
// always in the same round.
#include <array>

#include "sim/cost/collectives/parts.h"

namespace lockstep {
namespace {

constexpr std::int64_t kFlagBytes = 8;

class Dissemination final : public MessageSchedule<Dissemination> {
 public:
  explicit Dissemination(int ranks) : MessageSchedule(1), n_(ranks) {}

  int parties() const override { return n_; }
  int rounds(int) const override { return log2_up(n_); }
  int receives(int, int) const override { return 1; }
  template <class Take>
  void each(int party, int round, Take take) const {
    take(MessagePart{around(party + (1 << round), n_), round, {0, kFlagBytes, true}});
  }

 private:
  int n_;
};

std::unique_ptr<const CollectiveSchedule> schedule(const CollectiveCall& call, const Topology&) {
  return std::make_unique<Dissemination>(ranks_of(call));
}

ClosedForm closed_form(const CollectiveCall& call, const Topology& topology) {
  const int rounds = log2_up(ranks_of(call));
  return {rounds * topology.local.time(kFlagBytes), std::int64_t{rounds} * ranks_of(call),
          ClosedForm::Holds::exactly};
}

constexpr std::array kKinds{Collective::barrier};

}  // namespace

const Algorithm kDissemination{
    .name = "dissemination",
    .kinds = kKinds,
    .about = "each rank tells ranks at distance 1, 2, 4, ... that it has come",
    .precondition = "any group",
    .refuses = serves_all,
    .schedule = schedule,
    .closed_form = closed_form,
};

}  // namespace lockstep
