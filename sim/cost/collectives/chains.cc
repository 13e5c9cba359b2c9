// Chains, and the algorithm `grouped`: n of them in one call.
//
// Precondition: none.
//
// A broadcast from rank i is a chain i, i + 1, ..., i - 1 in which every rank passes on what it
// got; a reduce to rank i a chain i + 1, i + 2, ..., i in which every rank adds its own first. The
// buffer is cut into chunks (items), and a rank passes item t on while it takes item t + 1.
//
// SGLang's reduce_scatterv over NCCL is n reduces in one group, one to each member i of sizes[i];
// its all_gatherv is n broadcasts. They run in order of issue on the same ring: a rank does its
// part of chain 0, then of chain 1, ...
//
// Messages: one round for each item, and one more. In round t every rank that stands in the chain
// of item t - 1 and is not its end sends it to the next, and takes item t.
//
// Closed form, t_j = L + c_j / C of item j:
//   one chain   sum over items of t_j + (n - 2) max t_j
//   n chains    sum over items of t_j + (2 n - 3) max t_j    (n > 2; of two ranks: the sum)
// One chain is a pipeline of n - 1 equal stages: n - 1 hops for the first item, then one item
// behind the other. Of n chains, the head of chain i + 1 is the second of chain i: each of the
// first n - 1 chains is one hop longer than its items, and the last has its n - 2 further hops.
// Exact for one chain and for n chains of equal blocks; for others the messages take at most that
// long. The number of chunks is the one that makes the formula least.
//
// Compared with ring reduce-scatter, (n - 1) (L + b / C), n equal grouped reduces of b bytes move
// the same bytes over every link but fill the pipeline n times.
#include "sim/cost/collectives/chains.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "sim/cost/collectives/parts.h"

namespace lockstep {
namespace {

// A chunk of the block of one chain.
struct Item {
  int root = 0;
  std::int64_t first = 0;
  std::int64_t count = 0;
};

bool is_group(Collective kind) {
  return kind == Collective::all_gatherv || kind == Collective::reduce_scatterv;
}

// Hops beyond one a chunk.
int fill_of(const CollectiveCall& call) {
  const int n = ranks_of(call);
  if (n <= 2) return 0;
  return is_group(call.kind) ? 2 * n - 3 : n - 2;
}

std::vector<Item> items_of(const CollectiveCall& call, const Topology& topology) {
  const int chains = is_group(call.kind) ? ranks_of(call) : 1;
  const Blocks blocks = chains == 1 ? Blocks(elements_of(call), 1) : rank_blocks(call);
  std::vector<Item> items;
  for (int root = 0; root < chains; ++root) {
    const std::int64_t size = blocks.size(root);
    if (size == 0) continue;
    const Blocks chunks(size, best_chunks(fill_of(call), chains, size * call.element_bytes,
                                          topology.slowest(), size));
    for (std::int64_t j = 0; j < chunks.parts(); ++j) {
      items.push_back({root, blocks.first(root) + chunks.first(j), chunks.size(j)});
    }
  }
  return items;
}

class Chains final : public MessageSchedule<Chains> {
 public:
  Chains(const CollectiveCall& call, const Topology& topology)
      : MessageSchedule(call.element_bytes),
        n_(ranks_of(call)),
        reduces_(call.kind == Collective::reduce || call.kind == Collective::reduce_scatterv),
        items_(items_of(call, topology)) {}

  int parties() const override { return n_; }
  int rounds(int) const override { return n_ == 1 ? 0 : static_cast<int>(items_.size()) + 1; }
  int receives(int party, int round) const override {
    if (round == static_cast<int>(items_.size())) return 0;
    return place(party, item(round)) > 0 ? 1 : 0;
  }
  template <class Take>
  void each(int party, int round, Take take) const {
    if (round == 0) return;
    const Item& it = item(round - 1);
    if (place(party, it) == n_ - 1) return;
    take(MessagePart{around(party + 1, n_), round - 1, {it.first, it.count, reduces_}});
  }

 private:
  const Item& item(int i) const { return items_[static_cast<std::size_t>(i)]; }
  // In the chain of an item.
  int place(int party, const Item& it) const {
    return around(party - it.root - (reduces_ ? 1 : 0), n_);
  }

  int n_;
  bool reduces_;
  std::vector<Item> items_;
};

constexpr std::array kGroupedKinds{Collective::all_gatherv, Collective::reduce_scatterv};

}  // namespace

std::int64_t best_chunks(double fill, double weight, std::int64_t bytes, const Hop& hop,
                         std::int64_t most) {
  const double transfer = static_cast<double>(transfer_time(bytes, hop.rate).count());
  const double latency = std::max(1.0, static_cast<double>(hop.latency.count()));
  const double best = std::sqrt(fill * transfer / (weight * latency));
  return std::clamp(static_cast<std::int64_t>(std::min(best, 1024.0)), std::int64_t{1},
                    std::max(most, std::int64_t{1}));
}

std::unique_ptr<const CollectiveSchedule> chain_schedule(const CollectiveCall& call,
                                                         const Topology& topology) {
  return std::make_unique<Chains>(call, topology);
}

ClosedForm chain_formula(const CollectiveCall& call, const Topology& topology) {
  const int n = ranks_of(call);
  if (n == 1) return {};
  ClosedForm form;
  Duration longest{};
  for (const Item& item : items_of(call, topology)) {
    const Duration time = topology.local.time(item.count * call.element_bytes);
    form.time += time;
    form.messages += n - 1;
    longest = std::max(longest, time);
  }
  form.time += fill_of(call) * longest;
  if (is_group(call.kind) && !rank_blocks(call).equal()) form.holds = ClosedForm::Holds::at_most;
  return form;
}

const Algorithm kGrouped{
    .name = "grouped",
    .kinds = kGroupedKinds,
    .about = "one rooted broadcast or reduce after another for each member, each a pipelined chain",
    .precondition = "any group",
    .refuses = serves_all,
    .schedule = chain_schedule,
    .closed_form = chain_formula,
};

}  // namespace lockstep
