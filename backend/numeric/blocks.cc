#include "backend/numeric/blocks.h"

#include <algorithm>

#include "backend/numeric/arithmetic.h"
#include "sim/base/require.h"
#include "sim/plan/shares.h"

namespace lockstep::numeric {
namespace {

void scale(Matrix<float>& x, Rational factor) {
  if (factor.is_one()) return;
  for (std::int64_t r = 0; r < x.rows(); ++r) {
    for (float& v : x.row(r)) v *= static_cast<float>(factor.to_double());
  }
}

}  // namespace

LayoutId Blocks::rows_of(const Plan& plan, const Operation& op) {
  const bool has_operand = op.kind != OpKind::embed && !op.in.empty();
  return plan.spec(has_operand ? op.in.front().expect : op.out.front().declared).rows;
}

Blocks::RealRows Blocks::real_rows(const Operation& op, int rank) const {
  RealRows real;
  std::int64_t row = 0;
  for (const std::int64_t token : reference_.rows(rows_of(plan_, op), rank)) {
    if (token != kPadding) {
      real.tokens.push_back(token);
      real.at.push_back(row);
    }
    ++row;
  }
  return real;
}

Held Blocks::run(const Operation& op, int rank, std::span<const Held> in) {
  if (is_of_program(op.kind)) return run_program(op, rank, in);
  const RealRows rows = real_rows(op, rank);
  std::vector<Matrix<float>> inputs;
  for (std::size_t i = 0; i < in.size(); ++i) {
    const std::int64_t columns = plan_.column_count(plan_.tensor(op.in[i].tensor).columns);
    inputs.push_back(taken<float>(in[i], rows.at, columns));
  }
  const Output& out = op.out.front();
  const Interval columns = reference_.columns(out.declared, plan_.tensor(out.tensor).columns, rank);
  const auto all_rows = static_cast<std::int64_t>(reference_.rows(rows_of(plan_, op), rank).size());
  Matrix<float> values(all_rows, columns.size(), kUndefinedElement);
  for (const std::int64_t at : rows.at) std::ranges::fill(values.row(at), 0.0F);
  for (const Production& production : op.produces) {
    Matrix<float> part = produced(op, production, rank, rows, inputs);
    scale(part, production.coefficient);
    for (std::size_t i = 0; i < rows.at.size(); ++i) {
      for (std::int64_t c = 0; c < columns.size(); ++c) {
        // The head computes its columns of the vocabulary only, the others all of them.
        const std::int64_t from = op.kind == OpKind::lm_head ? c : columns.first + c;
        values(rows.at[i], c) +=
            from < part.columns() ? part(static_cast<std::int64_t>(i), from) : kUndefinedElement;
      }
    }
  }
  return make_held({columns}, stored(std::move(values), storage_));
}

Matrix<float> Blocks::produced(const Operation& op, const Production& production, int rank,
                               const RealRows& rows, std::span<const Matrix<float>> in) {
  const int of = std::max(1, plan_.term(production.term).shares);
  const std::vector<CountedShares> all = counted_shares(plan_, production, rank);
  if (all.size() == 1 && all.front().count == 1) {
    return share(op, production, {all.front().first, all.front().last, of}, rank, rows, in);
  }
  const Output& out = op.out.front();
  const Interval columns = reference_.columns(out.declared, plan_.tensor(out.tensor).columns, rank);
  Matrix<float> sum(static_cast<std::int64_t>(rows.at.size()), columns.size());
  for (const CountedShares& s : all) {
    add_scaled(sum, share(op, production, {s.first, s.last, of}, rank, rows, in),
               static_cast<float>(s.count));
  }
  return sum;
}

Matrix<float> Blocks::share(const Operation& op, const Production& production, Shares shares,
                            int rank, const RealRows& rows, std::span<const Matrix<float>> in) {
  const Term& term = plan_.term(production.term);
  const QuantityName name = quantity_of(term).value_or(QuantityName{});
  const int layer = std::max(term.layer, 0);
  switch (op.kind) {
    case OpKind::embed:
      return embedding(rows, shares);
    case OpKind::norm:
      return layers_.norm(in[0], name.layer, name.index, shares);
    case OpKind::attention:
      if (term.kind == TermKind::bias) return attention_.output_bias(in[0].rows(), layer);
      return attention(in, rows, rank, layer, shares);
    case OpKind::qk_statistics:
      return attention_.qk_statistics(in[0], layer, shares);
    case OpKind::dense:
      return layers_.dense(in[0], layer, shares);
    case OpKind::router:
      return routing(in[0], rows, layer);
    case OpKind::experts:
      if (term.kind == TermKind::shared) return layers_.shared_expert(in[0], layer, shares);
      return routed(production, shares, layer, in);
    case OpKind::shared_expert:
      return layers_.shared_expert(in[0], layer, shares);
    default:
      LOCKSTEP_ASSERT(op.kind == OpKind::lm_head);
      return layers_.lm_head(
          in[0],
          reference_.columns(op.out[0].declared, plan_.tensor(op.out[0].tensor).columns, rank));
  }
}

Matrix<float> Blocks::embedding(const RealRows& rows, Shares shares) {
  std::vector<std::int64_t> ids;
  for (const std::int64_t token : rows.tokens) {
    ids.push_back(vocabulary_id(token, weights_.model().vocab_size, weights_.seed()));
  }
  return layers_.embedding(ids, shares);
}

// What the rank holds of a request before its new tokens: computed by an earlier step, or drawn.
KeyValue Blocks::cache_before(const TokenRun& run, int rank, int layer, Shares heads) {
  const std::int64_t drawn = std::min(run.prefix, kPrefixPositions);
  if (run.continues < 0) return attention_.synthetic_prefix(run.first_token, drawn, layer, heads);
  const auto found = caches_.find({rank, layer, heads.first, run.continues});
  if (found != caches_.end()) return *found->second;
  // The earlier step never ran here: the cache holds whatever was in memory.
  return attention_.undefined_prefix(drawn, heads);
}

Matrix<float> Blocks::attention(std::span<const Matrix<float>> in, const RealRows& rows, int rank,
                                int layer, Shares heads) {
  const Matrix<float>& x = in[0];
  Matrix<float> out(x.rows(), weights_.model().hidden_size, kUndefinedElement);
  std::map<int, std::vector<std::int64_t>> rows_of_run;
  for (std::size_t i = 0; i < rows.tokens.size(); ++i) {
    const auto place = reference_.tokens().find(rows.tokens[i]);
    if (place) rows_of_run[place->run].push_back(static_cast<std::int64_t>(i));
  }
  for (const auto& [index, members] : rows_of_run) {
    const TokenRun& run = reference_.tokens().run(index);
    KeyValue cache = cache_before(run, rank, layer, heads);
    const Matrix<float> statistics = in.size() > 1 ? gathered(in[1], members) : Matrix<float>();
    const Matrix<float> y = attention_.attention(gathered(x, members), layer, heads, cache,
                                                 in.size() > 1 ? &statistics : nullptr);
    for (std::size_t i = 0; i < members.size(); ++i) {
      std::ranges::copy(y.row(static_cast<std::int64_t>(i)), out.row(members[i]).begin());
    }
    if (run.is_continued) {
      caches_[{rank, layer, heads.first, index}] =
          std::make_shared<const KeyValue>(std::move(cache));
    }
  }
  return out;
}

// Share j * units + e is slice j of the experts that unit e stands for.
Matrix<float> Blocks::routed(const Production& production, Shares shares, int layer,
                             std::span<const Matrix<float>> in) {
  const int units = share_units(plan_, production);
  const int slices = std::max(1, shares.of / units);
  Matrix<float> sum(in[0].rows(), weights_.model().hidden_size);
  for (int first = shares.first; first < shares.last;) {
    const int slice = first / units;
    const int last = std::min(shares.last, (slice + 1) * units);
    const Interval experts = cut(weights_.model().n_routed_experts,
                                 {first - slice * units, last - slice * units, units});
    add_scaled(sum, layers_.experts(in[0], in[1], layer, experts, {slice, slice + 1, slices}),
               1.0F);
    first = last;
  }
  return sum;
}

Matrix<float> Blocks::routing(const Matrix<float>& x, const RealRows& rows, int layer) {
  Matrix<float> weights = layers_.router(x, layer);
  for (std::size_t i = 0; i < rows.tokens.size(); ++i) {
    const auto place = reference_.tokens().find(rows.tokens[i]);
    if (!place) continue;
    RouterChoice choice{place->step, layer, place->row, {}};
    const std::span<const float> row = weights.row(static_cast<std::int64_t>(i));
    for (std::size_t e = 0; e < row.size(); ++e) {
      if (row[e] != 0.0F) choice.experts.push_back(static_cast<int>(e));
    }
    record_(choice);
  }
  return weights;
}

}  // namespace lockstep::numeric
