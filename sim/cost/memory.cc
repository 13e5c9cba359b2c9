#include "sim/cost/memory.h"

#include <algorithm>
#include <map>
#include <set>
#include <tuple>

#include "sim/cost/kernels/tiles.h"
#include "sim/cost/timeline/attention_loads.h"
#include "sim/cost/timeline/number_formats.h"
#include "sim/cost/timeline/tensor_states.h"
#include "sim/plan/shares.h"

namespace lockstep {
namespace {

constexpr double kBf16 = 2;

// The share of its term that the rank makes, and so of the weights that make it.
double share_of(const Plan& plan, const Production& production, int rank) {
  std::int64_t held = 0;
  for (const CountedShares& run : counted_shares(plan, production, rank)) {
    held += std::int64_t{run.last - run.first} * run.count;
  }
  return static_cast<double>(held) / plan.term(production.term).shares;
}

std::int64_t shared_width(const Model& model) {
  if (model.shared_expert_intermediate_size > 0) return model.shared_expert_intermediate_size;
  return std::int64_t{model.n_shared_experts} * model.moe_intermediate_size;
}

std::int64_t head_columns(const Model& model) {
  if (model.head_dim > 0) return model.head_dim;
  return model.hidden_size / std::max(1, model.num_attention_heads);
}

// Heads of keys and values that a rank with `share` of the heads has: one at least.
double kv_heads(const Model& model, double share) {
  const int heads =
      model.num_key_value_heads > 0 ? model.num_key_value_heads : model.num_attention_heads;
  return std::max(1.0, heads * share);
}

// Parameters of an attention block of which the rank has `share` of the heads. The compressing
// projections of MLA are whole on each rank.
double attention_parameters(const Model& m, double share) {
  const double hidden = m.hidden_size;
  const double heads = m.num_attention_heads * share;
  if (!m.is_latent()) {
    const auto dim = static_cast<double>(head_columns(m));
    return hidden * (2 * heads + 2 * kv_heads(m, share)) * dim;
  }
  const double query = m.qk_nope_head_dim + m.qk_rope_head_dim;
  const double of_query =
      m.q_lora_rank > 0 ? m.q_lora_rank * (hidden + heads * query) : hidden * heads * query;
  const double of_cache = hidden * (m.kv_lora_rank + m.qk_rope_head_dim) +
                          m.kv_lora_rank * heads * (m.qk_nope_head_dim + m.v_head_dim);
  return of_query + of_cache + heads * m.v_head_dim * hidden;
}

// Bytes of one token in the cache of one layer.
double cache_bytes(const Model& model, double share) {
  if (model.is_latent()) return (model.kv_lora_rank + model.qk_rope_head_dim) * kBf16;
  return 2 * kv_heads(model, share) * static_cast<double>(head_columns(model)) * kBf16;
}

class Counter {
 public:
  Counter(const Plan& plan, int rank)
      : plan_(plan), rank_(rank), seats_(plan), states_(plan, seats_), loads_(plan) {}

  MemoryUse count() {
    for (const Operation& op : plan_.operations) {
      if (executes(op, rank_)) add(op);
      states_.pass(op);
    }
    for (const auto& [layer, cached] : cache_) {
      use_.cache += static_cast<std::int64_t>(cached.first * cached.second);
      use_.cache_of_a_token += static_cast<std::int64_t>(cached.second);
    }
    return use_;
  }

 private:
  void add(const Operation& op) {
    const std::int64_t moved = tensor_bytes(op);
    if (is_collective(op.kind)) {
      use_.communication = std::max(use_.communication, moved);
      return;
    }
    use_.activations = std::max(use_.activations, moved + inside_bytes(op));
    for (const Production& production : op.produces) add_weights(op, production);
    const bool is_norm = op.kind == OpKind::norm && op.produces.empty();
    if (is_norm) use_.norms += weigh(plan_.model.hidden_size, kBf16);
    if (op.kind == OpKind::attention) add_cache(op);
  }

  void add_weights(const Operation& op, const Production& production) {
    const Term& term = plan_.term(production.term);
    const std::tuple key(term.layer, term.kind, term.index);
    if (term.step > 0 || !seen_.insert(key).second) return;
    const Model& m = plan_.model;
    const double hidden = m.hidden_size;
    const double share = share_of(plan_, production, rank_);
    const double vocabulary = static_cast<double>(plan_.column_count("vocab"));
    switch (term.kind) {
      case TermKind::embedding:
        use_.embedding += weigh(m.vocab_size * hidden * share, kBf16);
        break;
      case TermKind::logits:
        use_.lm_head += weigh(vocabulary * hidden * columns_share(op), kBf16);
        break;
      case TermKind::norm:
        use_.norms += weigh(hidden, kBf16);
        break;
      case TermKind::attention:
        use_.attention += weigh(attention_parameters(m, share), attention_format(m));
        break;
      case TermKind::dense:
        use_.dense += weigh(3 * hidden * m.intermediate_size * share, dense_format(m));
        break;
      case TermKind::router:
        use_.experts += weigh(hidden * m.n_routed_experts, kBf16);
        break;
      case TermKind::routed:
        use_.experts += weigh(3 * hidden * m.moe_intermediate_size * m.n_routed_experts * share,
                              experts_format(m));
        break;
      case TermKind::shared:
        use_.experts += weigh(3 * hidden * static_cast<double>(shared_width(m)) * share,
                              op.kind == OpKind::experts ? experts_format(m) : dense_format(m));
        break;
      default:
        break;  // statistics have no weights; biases are too small to count
    }
  }

  // Counts parameters, and says how many bytes they are.
  std::int64_t weigh(double parameters, double bytes) {
    use_.parameters += static_cast<std::int64_t>(parameters);
    return static_cast<std::int64_t>(parameters * bytes);
  }
  std::int64_t weigh(double parameters, const Format& format) {
    return weigh(parameters, stored_bytes_of(format.weights));
  }

  // Of the whole vocabulary, padding included: what the rank's logits have.
  double columns_share(const Operation& op) const {
    const Output& out = op.out.front();
    const auto own = static_cast<double>(states_.columns(out.tensor, out.declared, rank_));
    return own / static_cast<double>(plan_.column_count("vocab"));
  }

  void add_cache(const Operation& op) {
    for (const Production& production : op.produces) {
      if (plan_.term(production.term).kind != TermKind::attention) continue;
      const LayoutId rows = plan_.spec(op.in.front().expect).rows;
      const double tokens = static_cast<double>(loads_.at(op.site.step, rows, rank_, 0).kv_tokens);
      auto& cached = cache_[op.site.layer];
      cached.first = std::max(cached.first, tokens);
      cached.second = cache_bytes(plan_.model, share_of(plan_, production, rank_));
    }
  }

  // Inputs and results, each tensor once: an all-reduce overwrites what it sums.
  std::int64_t tensor_bytes(const Operation& op) const {
    std::map<TensorId, std::int64_t> held;
    const auto hold = [&](TensorId tensor, std::int64_t bytes) {
      held[tensor] = std::max(held[tensor], bytes);
    };
    for (const Operand& in : op.in) hold(in.tensor, bytes_in(in.tensor, states_.of(in, rank_)));
    for (const Output& out : op.out) hold(out.tensor, bytes_in(out.tensor, out.declared));
    std::int64_t bytes = 0;
    for (const auto& [tensor, size] : held) bytes += size;
    return bytes;
  }
  std::int64_t bytes_in(TensorId tensor, SpecId state) const {
    return states_.rows(state, rank_).all * states_.columns(tensor, state, rank_) *
           element_bytes(plan_.tensor(tensor).dtype);
  }

  // What a feed-forward keeps between its products: gate, up and their product, in bf16.
  std::int64_t inside_bytes(const Operation& op) const {
    double columns = 0;
    for (const Production& production : op.produces) {
      const TermKind kind = plan_.term(production.term).kind;
      const double share = share_of(plan_, production, rank_);
      if (kind == TermKind::dense) columns += 3.0 * plan_.model.intermediate_size * share;
      if (kind == TermKind::shared) {
        columns += 3.0 * static_cast<double>(shared_width(plan_.model)) * share;
      }
      if (kind == TermKind::routed) {  // the rank's pairs of a token and an expert, evenly routed
        columns += plan_.model.num_experts_per_tok * share *
                   (3.0 * plan_.model.moe_intermediate_size + 2.0 * plan_.model.hidden_size);
      }
    }
    if (columns <= 0 || op.in.empty()) return 0;
    const auto rows =
        static_cast<double>(states_.rows(states_.of(op.in.front(), rank_), rank_).all);
    return static_cast<std::int64_t>(rows * columns * kBf16);
  }

  const Plan& plan_;
  int rank_;
  Seats seats_;
  TensorStates states_;
  AttentionLoads loads_;
  MemoryUse use_;
  std::set<std::tuple<int, TermKind, int>> seen_;
  std::map<int, std::pair<double, double>> cache_;  // by layer: tokens, and bytes of each
};

}  // namespace

MemoryUse memory_use(const Plan& plan, int rank) { return Counter(plan, rank).count(); }

MemoryFit memory_fit(const MemoryUse& use, const GpuConstants& gpu) {
  MemoryFit fit;
  fit.capacity = static_cast<std::int64_t>(gpu.memory_GB * 1e9);
  fit.left = fit.capacity - use.total();
  fit.fits = fit.left >= 0;
  const std::int64_t for_cache = fit.capacity - use.weights() - use.buffers();
  if (use.cache_of_a_token > 0) {
    fit.most_cache_tokens = std::max<std::int64_t>(0, for_cache / use.cache_of_a_token);
  }
  return fit;
}

}  // namespace lockstep
