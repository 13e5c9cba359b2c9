// One-shot and two-shot all-reduce: what serving systems do for small buffers on one node.
//
// Precondition: none.
//
// Messages: one-shot: one round; every rank sends its whole buffer to every other, and each adds
// all of them. Two-shot: in the first round every rank sends chunk q to rank q, which adds; in the
// second rank p sends its chunk, now complete, to every other.
//
// Closed form, n - 1 flows a link at C / (n - 1) each:
//   one-shot  L + S / (C / (n - 1))                          = L + (n - 1) S / C
//   two-shot  2 (L + (S / n) / (C / (n - 1)))                = 2 L + 2 (n - 1) / n S / C
// Exact: of the first round all in-links, of the second all out-links have n - 1 equal flows (see
// direct), and all ranks end the first round together, as each sends or takes a largest chunk.
// One-shot is the faster one while (n - 1) (n - 2) / n S / C < L.
#include <array>

#include "sim/cost/collectives/parts.h"

namespace lockstep {
namespace {

class Shots final : public MessageSchedule<Shots> {
 public:
  Shots(const CollectiveCall& call, int shots)
      : MessageSchedule(call.element_bytes),
        n_(ranks_of(call)),
        shots_(shots),
        chunks_(rank_blocks(call)) {}

  int parties() const override { return n_; }
  int rounds(int) const override { return n_ == 1 ? 0 : shots_; }
  int receives(int party, int round) const override {
    if (shots_ == 1) return chunks_.total() > 0 ? n_ - 1 : 0;
    const bool mine = chunks_.size(party) > 0;
    if (round == 0) return mine ? n_ - 1 : 0;
    return static_cast<int>(chunks_.filled()) - (mine ? 1 : 0);
  }
  template <class Take>
  void each(int party, int round, Take take) const {
    for (int k = 1; k < n_; ++k) {
      const int to = around(party + k, n_);
      take(MessagePart{to, round, piece(round == 0 ? to : party, round == 0)});
    }
  }

 private:
  Piece piece(int chunk, bool adds) const {
    if (shots_ == 1) return {0, chunks_.total(), adds};
    return {chunks_.first(chunk), chunks_.size(chunk), adds};
  }

  int n_;
  int shots_;
  Blocks chunks_;
};

template <int kShots>
std::unique_ptr<const CollectiveSchedule> schedule(const CollectiveCall& call, const Topology&) {
  return std::make_unique<Shots>(call, kShots);
}

template <int kShots>
ClosedForm closed_form(const CollectiveCall& call, const Topology& topology) {
  const int n = ranks_of(call);
  if (n == 1) return {};
  const Blocks chunks = rank_blocks(call);
  const std::int64_t sent = kShots == 1 ? chunks.total() : chunks.largest();
  const std::int64_t senders = kShots == 1 ? (chunks.total() > 0 ? n : 0) : chunks.filled();
  return {kShots * topology.local.shared(n - 1).time(sent * call.element_bytes),
          kShots * senders * (n - 1), ClosedForm::Holds::exactly};
}

constexpr std::array kKinds{Collective::all_reduce};

}  // namespace

const Algorithm kOneShot{
    .name = "one-shot",
    .kinds = kKinds,
    .about = "every rank gets every other's whole buffer and adds them all",
    .precondition = "any group",
    .refuses = serves_all,
    .schedule = schedule<1>,
    .closed_form = closed_form<1>,
};

const Algorithm kTwoShot{
    .name = "two-shot",
    .kinds = kKinds,
    .about = "a direct reduce-scatter, then a direct all-gather",
    .precondition = "any group",
    .refuses = serves_all,
    .schedule = schedule<2>,
    .closed_form = closed_form<2>,
};

}  // namespace lockstep
