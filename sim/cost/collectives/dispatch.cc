// `normal`: dispatch and combine of a mixture of experts as DeepEP's high-throughput kernels do it.
// A token goes to a node once, however many of its experts are there, and is forwarded on the node.
//
// Precondition: tokens, experts and experts_per_token are given; experts are spread evenly.
//
// By expected routing: each token chooses t of E experts, any t with the same chance. It has none
// of them among e experts with the chance of
//   (E - e) / E * (E - e - 1) / (E - 1) * ... (t factors)
// so it goes to a node with q = 1 - that, e = E / k, and to a rank with r = 1 - that, e = E / n.
//
// Messages of a dispatch, w bytes a row of a token: in the first round rank (a, i) sends its T q
// rows to rank (b, i) of every other node; in the second it forwards, to every other rank of its
// node, the rows for experts there: T r of each of the k ranks of its rail. On one node only the
// second round is there. A combine is the same backwards. Bytes are rounded up to whole elements;
// what they contain is expected, not a certain token, so these messages have no meaning to follow.
//
// Closed form, all flows of a link equal (see direct):
//   M + T q w / (D / (k - 1)) + L + k T r w / (C / (g - 1))
// Exact.
#include <algorithm>
#include <array>

#include "sim/cost/collectives/parts.h"

namespace lockstep {
namespace {

// Of a token to have an expert among `part` of `all`.
double chance(std::int64_t all, std::int64_t part, int chosen) {
  double none = 1;
  for (int i = 0; i < chosen; ++i) {
    none *= static_cast<double>(std::max<std::int64_t>(0, all - part - i)) /
            static_cast<double>(all - i);
  }
  return 1 - none;
}

// Elements of one message of each round.
struct Rows {
  std::int64_t rail = 0;
  std::int64_t node = 0;
};

std::int64_t round_up(double elements) {
  const auto whole = static_cast<std::int64_t>(elements);
  return static_cast<double>(whole) < elements ? whole + 1 : whole;
}

Rows rows_of(const CollectiveCall& call, const Topology& topology) {
  const double row = static_cast<double>(elements_of(call)) /
                     static_cast<double>(call.tokens * call.experts_per_token);
  const double sent = static_cast<double>(call.tokens) * row;
  const int k = topology.nodes();
  const double to_node = chance(call.experts, call.experts / k, call.experts_per_token);
  const double to_rank =
      chance(call.experts, call.experts / topology.ranks, call.experts_per_token);
  return {k == 1 ? 0 : round_up(sent * to_node),
          topology.per_node == 1 ? 0 : k * round_up(sent * to_rank)};
}

class Normal final : public MessageSchedule<Normal> {
 public:
  Normal(const CollectiveCall& call, const Topology& topology)
      : MessageSchedule(call.element_bytes),
        g_(topology.per_node),
        k_(topology.nodes()),
        rows_(rows_of(call, topology)),
        combines_(call.kind == Collective::combine) {}

  int parties() const override { return g_ * k_; }
  int rounds(int) const override { return k_ == 1 ? (g_ > 1 ? 1 : 0) : 2; }
  int receives(int, int round) const override {
    return on_node(round) ? (rows_.node > 0 ? g_ - 1 : 0) : k_ - 1;
  }
  template <class Take>
  void each(int party, int round, Take take) const {
    const int node = party / g_;
    const int place = party % g_;
    const bool local = on_node(round);
    for (int i = 1; i < (local ? g_ : k_); ++i) {
      const int to = local ? node * g_ + around(place + i, g_) : around(node + i, k_) * g_ + place;
      take(MessagePart{to, round, {0, local ? rows_.node : rows_.rail, false}});
    }
  }

 private:
  bool on_node(int round) const { return k_ == 1 || (round == 0) == combines_; }

  int g_;
  int k_;
  Rows rows_;
  bool combines_;
};

std::unique_ptr<const CollectiveSchedule> schedule(const CollectiveCall& call,
                                                   const Topology& topology) {
  return std::make_unique<Normal>(call, topology);
}

ClosedForm closed_form(const CollectiveCall& call, const Topology& topology) {
  const Rows rows = rows_of(call, topology);
  const int g = topology.per_node;
  const int k = topology.nodes();
  ClosedForm form;
  if (k > 1) {
    form.time += topology.network.shared(k - 1).time(rows.rail * call.element_bytes);
    form.messages += std::int64_t{topology.ranks} * (k - 1);
  }
  if (g > 1) {
    form.time += topology.local.shared(g - 1).time(rows.node * call.element_bytes);
    form.messages += std::int64_t{topology.ranks} * (g - 1);
  }
  return form;
}

std::string refuses(const CollectiveCall& call, const Topology& topology) {
  if (topology.per_node == 0) return "it needs as many ranks on every node, next to each other";
  if (call.tokens <= 0 || call.experts <= 0 || call.experts_per_token <= 0) {
    return "its bytes follow from tokens, experts and experts per token, and one of them is "
           "missing";
  }
  if (call.experts % ranks_of(call) != 0 || call.experts_per_token > call.experts) {
    return "experts must be a multiple of the ranks, and no fewer than a token chooses";
  }
  return "";
}

constexpr std::array kKinds{Collective::dispatch, Collective::combine};

}  // namespace

const Algorithm kNormal{
    .name = "normal",
    .kinds = kKinds,
    .about = "a token goes to each node once and is forwarded there (DeepEP, high throughput)",
    .precondition = "as many ranks on every node; tokens, experts and experts per token are given",
    .refuses = refuses,
    .schedule = schedule,
    .closed_form = closed_form,
    .crosses_nodes = true,
};

}  // namespace lockstep
