#include "backend/nccl/launch/weight_need.h"

#include <algorithm>
#include <initializer_list>
#include <map>
#include <set>
#include <tuple>

#include "backend/nccl/launch/plan_shapes.h"
#include "backend/numeric/weight_shapes.h"
#include "sim/plan/shares.h"

namespace lockstep::nccl {
namespace {

using numeric::WeightKind;

// Some of the matrices of one term: `pieces` of `elements` each (of routed experts: experts), of
// which no more are used than rows that the router sends.
struct Weights {
  std::int64_t elements = 0;
  std::int64_t pieces = 1;
  std::int64_t sent = -1;  // rows times experts of a row; -1: all pieces are used
  std::int64_t whole = 0;  // the largest matrix, not cut
  std::int64_t used() const { return elements * (sent < 0 ? pieces : std::min(pieces, sent)); }
};

std::int64_t real_rows(const RowMap& rows) {
  std::int64_t real = 0;
  for (const RowRun& run : rows) real += run.token == kPadding ? 0 : run.count;
  return real;
}

class Counter {
 public:
  Counter(const Plan& plan, int rank) : plan_(plan), rank_(rank) {}

  WeightNeed count() {
    for (const Operation& op : plan_.operations) {
      if (executes(op, rank_)) add(op);
    }
    for (const auto& [key, weights] : terms_) need_.all += weights.used();
    return need_;
  }

 private:
  std::int64_t size(WeightKind kind) const {
    const numeric::WeightShape shape = numeric::shape_of(plan_.model, kind);
    return shape.rows * shape.columns;
  }

  // A part of the matrices, cut as the rank's share of the term.
  Weights cut(std::initializer_list<WeightKind> kinds, double share) const {
    Weights weights;
    for (const WeightKind kind : kinds) {
      weights.elements += static_cast<std::int64_t>(static_cast<double>(size(kind)) * share);
      weights.whole = std::max(weights.whole, size(kind));
    }
    return weights;
  }

  // The compressing projections of MLA are whole on each rank, and so is a head of keys and values.
  Weights attention(double share) const {
    const Model& m = plan_.model;
    if (!m.is_latent()) {
      Weights all = cut({WeightKind::query, WeightKind::attention_out}, share);
      const auto heads = static_cast<double>(std::max<std::int64_t>(numeric::kv_heads(m), 1));
      all.elements +=
          cut({WeightKind::key, WeightKind::value}, std::min(1.0, std::max(share, 1.0 / heads)))
              .elements;
      return all;
    }
    Weights all = cut({WeightKind::query, WeightKind::latent_key, WeightKind::latent_value,
                       WeightKind::attention_out},
                      share);
    all.elements += size(WeightKind::latent_down);
    if (m.q_lora_rank > 0) all.elements += size(WeightKind::query_down);
    return all;
  }

  Weights routed(const Operation& op, const Production& production) const {
    const int units = share_units(plan_, production);
    const int slices = std::max(1, plan_.term(production.term).shares / std::max(units, 1));
    std::set<int> experts;
    std::int64_t shares = 0;
    for (const CountedShares& run : counted_shares(plan_, production, rank_)) {
      shares += run.last - run.first;
      for (int s = run.first; s < run.last; ++s) experts.insert(s % units);
    }
    Weights weights = cut({WeightKind::expert_gate, WeightKind::expert_up, WeightKind::expert_down},
                          1.0 / slices);
    weights.pieces = std::ssize(experts);
    if (!experts.empty()) weights.elements *= shares / std::ssize(experts);
    const LayoutId rows = plan_.spec(op.in.front().expect).rows;
    weights.sent =
        real_rows(plan_.layout(rows).rows.at(rank_)) * std::max(1, plan_.model.num_experts_per_tok);
    return weights;
  }

  Weights projection(const Operation& op, std::int64_t shares) const {
    const auto width = [&](SpecId spec, TensorId tensor) {
      return numeric::width_of(declared_shape(plan_, spec, tensor, rank_).columns);
    };
    Weights weights;
    weights.elements = shares * width(op.in.front().expect, op.in.front().tensor) *
                       width(op.out.front().declared, op.out.front().tensor);
    weights.whole = weights.elements;
    return weights;
  }

  Weights weights_of(const Operation& op, const Production& production) const {
    std::int64_t held = 0;
    for (const CountedShares& run : counted_shares(plan_, production, rank_)) {
      held += run.last - run.first;
    }
    const Term& term = plan_.term(production.term);
    const double share = static_cast<double>(held) / std::max(1, term.shares);
    switch (term.kind) {
      case TermKind::attention:
        return attention(share);
      case TermKind::dense:
        return cut({WeightKind::dense_gate, WeightKind::dense_up, WeightKind::dense_down}, share);
      case TermKind::router:
        return cut({WeightKind::router}, 1.0);
      case TermKind::routed:
        return routed(op, production);
      case TermKind::shared:
        return cut({WeightKind::shared_gate, WeightKind::shared_up, WeightKind::shared_down},
                   share);
      case TermKind::logits: {
        const Output& out = op.out.front();
        Weights head = cut({WeightKind::lm_head}, 1.0);
        head.elements =
            plan_.model.hidden_size *
            numeric::width_of(declared_shape(plan_, out.declared, out.tensor, rank_).columns);
        return head;
      }
      default:
        return op.kind == OpKind::linear ? projection(op, held) : Weights{};
    }
  }

  // A layer has its weights once, however many steps use them.
  void add(const Operation& op) {
    std::int64_t now = 0;
    for (const Production& production : op.produces) {
      const Weights weights = weights_of(op, production);
      if (weights.elements == 0) continue;
      now += weights.used();
      need_.whole = std::max(need_.whole, weights.whole);
      const Term& term = plan_.term(production.term);
      const int own = op.kind == OpKind::linear ? production.term.value : -1;
      const auto [entry, is_new] =
          terms_.try_emplace({term.layer, term.kind, term.index, own}, weights);
      if (!is_new && entry->second.sent >= 0) entry->second.sent += weights.sent;
    }
    need_.operation = std::max(need_.operation, now);
  }

  const Plan& plan_;
  int rank_;
  WeightNeed need_;
  std::map<std::tuple<int, TermKind, int, int>, Weights> terms_;
};

}  // namespace

WeightNeed weight_need(const Plan& plan, int rank) { return Counter(plan, rank).count(); }

}  // namespace lockstep::nccl
