// Direct: one round; everybody sends everything at once, and what leaves or enters by one link
// shares it.
//
// Precondition: none.
//
// Messages, from p to q:
//   all_to_all(v)       what p has for q
//   all_gather(v)       p's block
//   reduce_scatter(v)   q's block, added
//   broadcast           the buffer, from rank 0 only
//   reduce              the buffer, to rank 0 only, added
//   send_recv           the buffer, from p to p + 1 only: nothing is shared
//
// Closed form: L + b / (C / m), b the largest message and m = n - 1 the flows of one link. C / m is
// the max-min fair rate of every flow: all out-links, or all in-links, carry n - 1 flows of one
// size from the same time on, so no flow can have more than its share there, and every other link
// can give as much. Hence it holds for blocks of any size: of a gathering the flows of one out-link
// are equal, of a scattering those of one in-link. C / m is rounded down to a whole micro-byte per
// second, as the engine does.
// On several nodes n - g of a rank's flows pass its NIC, and g - 1 stay on the node: the later of
// the two ends it. Where blocks are not equal the messages take at most that long: a flow has no
// less than its share of any of its links. An uneven all_to_allv has no such form: links become
// free one by one. Then the formula is the busiest link's: L + (all that passes it) / C, and the
// messages take at least that long.
//
// `low-latency`: dispatch and combine of a mixture of experts as DeepEP's low-latency kernels do
// it: every token goes to the rank of each of its experts, once for each. By expected routing the
// choices of a rank fall on all ranks alike, so it is an all-to-all of S / n bytes a pair, S all
// rows of one rank: tokens x experts per token x row.
#include <array>

#include "sim/cost/collectives/parts.h"

namespace lockstep {
namespace {

bool gathers(Collective kind) {
  return kind == Collective::all_gather || kind == Collective::all_gatherv;
}
bool scatters(Collective kind) {
  return kind == Collective::reduce_scatter || kind == Collective::reduce_scatterv;
}
bool transposes(Collective kind) {
  return kind == Collective::all_to_all || kind == Collective::all_to_allv ||
         kind == Collective::dispatch || kind == Collective::combine;
}
bool is_rooted(Collective kind) {
  return kind == Collective::broadcast || kind == Collective::reduce;
}

CollectiveCall nothing_among(const std::vector<int>& ranks) {
  CollectiveCall call;
  call.ranks = ranks;
  return call;
}

// What each sends to each.
class Parcels {
 public:
  explicit Parcels(const CollectiveCall& call)
      : kind_(call.kind),
        n_(ranks_of(call)),
        total_(elements_of(call)),
        pairs_(transposes(kind_) ? call : nothing_among(call.ranks)),
        blocks_(transposes(kind_) ? Blocks(0, 1) : rank_blocks(call)) {}

  int ranks() const { return n_; }
  Piece piece(int from, int to) const {
    if (transposes(kind_)) return {pairs_.first(from, to), pairs_.size(from, to), false};
    if (gathers(kind_)) return {blocks_.first(from), blocks_.size(from), false};
    if (scatters(kind_)) return {blocks_.first(to), blocks_.size(to), true};
    if (kind_ == Collective::broadcast) return {0, from == 0 ? total_ : 0, false};
    if (kind_ == Collective::reduce) return {0, to == 0 ? total_ : 0, true};
    return {from * total_, to == (from + 1) % n_ ? total_ : 0, false};
  }

 private:
  Collective kind_;
  int n_;
  std::int64_t total_;
  PairBlocks pairs_;
  Blocks blocks_;
};

class Direct final : public MessageSchedule<Direct> {
 public:
  explicit Direct(const CollectiveCall& call)
      : MessageSchedule(call.element_bytes), parcels_(call) {}

  int parties() const override { return parcels_.ranks(); }
  int rounds(int) const override { return parties() > 1 ? 1 : 0; }
  int receives(int party, int) const override {
    int receives = 0;
    for (int from = 0; from < parties(); ++from) {
      if (from != party && parcels_.piece(from, party).count > 0) ++receives;
    }
    return receives;
  }
  // Beginning behind oneself, so that not all begin with the same.
  template <class Take>
  void each(int party, int, Take take) const {
    for (int k = 1; k < parties(); ++k) {
      const int to = (party + k) % parties();
      take(MessagePart{to, 0, parcels_.piece(party, to)});
    }
  }

 private:
  Parcels parcels_;
};

std::unique_ptr<const CollectiveSchedule> schedule(const CollectiveCall& call, const Topology&) {
  return std::make_unique<Direct>(call);
}

// What the links carry.
struct Load {
  std::int64_t messages = 0;
  std::int64_t largest = 0;  // message
  std::int64_t busiest = 0;  // link, in elements; of pairs only
};

// Of given sizes of pairs.
Load load_of_pairs(const PairBlocks& pairs) {
  Load load;
  std::vector<std::int64_t> in(static_cast<std::size_t>(pairs.ranks()));
  for (int from = 0; from < pairs.ranks(); ++from) {
    std::int64_t out = 0;
    for (int to = 0; to < pairs.ranks(); ++to) {
      const std::int64_t count = from == to ? 0 : pairs.size(from, to);
      load.messages += count > 0 ? 1 : 0;
      load.largest = std::max(load.largest, count);
      out += count;
      in[static_cast<std::size_t>(to)] += count;
    }
    load.busiest = std::max(load.busiest, out);
  }
  for (const std::int64_t elements : in) load.busiest = std::max(load.busiest, elements);
  return load;
}

Load load_of(const CollectiveCall& call) {
  const std::int64_t n = ranks_of(call);
  if (call.kind == Collective::all_to_allv) return load_of_pairs(PairBlocks(call));
  if (is_rooted(call.kind) || call.kind == Collective::send_recv) {
    const std::int64_t total = elements_of(call);
    const std::int64_t senders = total == 0 ? 0 : is_rooted(call.kind) ? n - 1 : n;
    return {senders, total, 0};
  }
  // Each block goes to, or comes from, all but one.
  const Blocks blocks = rank_blocks(call);
  return {blocks.filled() * (n - 1), blocks.largest(), 0};
}

bool is_equal(const CollectiveCall& call) {
  if (transposes(call.kind)) return PairBlocks(call).equal();
  if (call.kind == Collective::send_recv || is_rooted(call.kind)) return true;
  return rank_blocks(call).equal();
}

// Of a link's flows of `bytes` each, on the node and, where there are several, between nodes.
Duration slower_level(const CollectiveCall& call, const Topology& topology, std::int64_t bytes) {
  const bool one_each = call.kind == Collective::send_recv;
  const int g = topology.per_node;
  Duration time{};
  if (g > 1) time = topology.local.shared(one_each ? 1 : g - 1).time(bytes);
  if (topology.one_node()) return time;
  const int flows = one_each ? 1 : topology.ranks - g;
  return std::max(time, topology.network.shared(flows).time(bytes));
}

ClosedForm closed_form(const CollectiveCall& call, const Topology& topology) {
  if (ranks_of(call) == 1) return {};
  const Load load = load_of(call);
  const bool equal = is_equal(call);
  if (call.kind == Collective::all_to_allv && !equal) {
    return {topology.local.time(load.busiest * call.element_bytes), load.messages,
            ClosedForm::Holds::at_least};
  }
  const bool alone = call.kind == Collective::send_recv || is_rooted(call.kind);
  const bool exact = topology.one_node() || (equal && (!alone || topology.sharing <= 1));
  return {slower_level(call, topology, load.largest * call.element_bytes), load.messages,
          exact ? ClosedForm::Holds::exactly : ClosedForm::Holds::at_most};
}

constexpr std::array kKinds{
    Collective::all_to_all,  Collective::all_to_allv,    Collective::all_gather,
    Collective::all_gatherv, Collective::reduce_scatter, Collective::reduce_scatterv,
    Collective::broadcast,   Collective::reduce,         Collective::send_recv};

constexpr std::array kExpertKinds{Collective::dispatch, Collective::combine};

}  // namespace

const Algorithm kDirect{
    .name = "direct",
    .kinds = kKinds,
    .about = "one round: everybody sends everything at once and shares the links",
    .precondition = "any group",
    .refuses = serves_all,
    .schedule = schedule,
    .closed_form = closed_form,
    .crosses_nodes = true,
};

const Algorithm kLowLatency{
    .name = "low-latency",
    .kinds = kExpertKinds,
    .about = "every token goes to the rank of each of its experts at once (DeepEP, low latency)",
    .precondition = "any group",
    .refuses = serves_all,
    .schedule = schedule,
    .closed_form = closed_form,
    .crosses_nodes = true,
};

}  // namespace lockstep
