// The members of BasicBlocks, for those who instantiate it.
#pragma once

#include <algorithm>
#include <utility>

#include "backend/numeric/attention_definitions.h"
#include "backend/numeric/blocks.h"
#include "backend/numeric/layers_definitions.h"
#include "sim/base/require.h"
#include "sim/plan/shares.h"

namespace lockstep::numeric {

template <class A>
auto BasicBlocks<A>::real_rows(const Operation& op, int rank) const -> RealRows {
  RealRows real;
  std::int64_t row = 0;
  for (const std::int64_t token : reference_.rows(rows_computed(plan_, op), rank)) {
    if (token != kPadding) {
      real.tokens.push_back(token);
      real.at.push_back(row);
    }
    ++row;
  }
  return real;
}

template <class A>
Interval BasicBlocks<A>::columns(const Operation& op, int rank) const {
  const Output& out = op.out.front();
  return reference_.columns(out.declared, plan_.tensor(out.tensor).columns, rank);
}

template <class A>
auto BasicBlocks<A>::run_program(const Operation& op, int rank, std::span<const Tensor> in)
    -> Tensor {
  std::vector<Held> held;
  for (const Tensor& tensor : in) held.push_back(a_.tensor_to_host(tensor));
  return a_.tensor_from_host(program_.run(op, rank, held));
}

template <class A>
auto BasicBlocks<A>::run(const Operation& op, int rank, std::span<const Tensor> in) -> Tensor {
  if (is_of_program(op.kind)) return run_program(op, rank, in);
  const RealRows rows = real_rows(op, rank);
  std::vector<Values> inputs;
  for (std::size_t i = 0; i < in.size(); ++i) {
    const std::int64_t count = plan_.column_count(plan_.tensor(op.in[i].tensor).columns);
    inputs.push_back(a_.taken(in[i], rows.at, count));
  }
  const Interval own = columns(op, rank);
  Values sum = a_.zero_sum(std::ssize(rows.at), own.size());
  for (const Production& production : op.produces) {
    // The head computes its columns of the vocabulary only, the others all of them.
    const std::int64_t first = op.kind == OpKind::lm_head ? 0 : own.first;
    a_.add(sum, produced(op, production, rank, rows, inputs), first,
           production.coefficient.to_double());
  }
  const auto all_rows = std::ssize(reference_.rows(rows_computed(plan_, op), rank));
  Values values = a_.undefined(all_rows, own.size());
  a_.place(values, a_.kept(std::move(sum)), rows.at);
  return a_.made({own}, std::move(values));
}

template <class A>
auto BasicBlocks<A>::produced(const Operation& op, const Production& production, int rank,
                              const RealRows& rows, std::span<const Values> in) -> Values {
  const int of = std::max(1, plan_.term(production.term).shares);
  const std::vector<CountedShares> all = counted_shares(plan_, production, rank);
  if (all.size() == 1 && all.front().count == 1) {
    return share(op, production, {all.front().first, all.front().last, of}, rank, rows, in);
  }
  Values sum = a_.zero_sum(std::ssize(rows.at), columns(op, rank).size());
  for (const CountedShares& s : all) {
    a_.add(sum, share(op, production, {s.first, s.last, of}, rank, rows, in), 0, s.count);
  }
  return sum;
}

template <class A>
auto BasicBlocks<A>::share(const Operation& op, const Production& production, Shares shares,
                           int rank, const RealRows& rows, std::span<const Values> in) -> Values {
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
      return layers_.lm_head(in[0], columns(op, rank));
  }
}

template <class A>
auto BasicBlocks<A>::embedding(const RealRows& rows, Shares shares) -> Values {
  const Weights& weights = a_.weights();
  std::vector<std::int64_t> ids;
  for (const std::int64_t token : rows.tokens) {
    ids.push_back(vocabulary_id(token, weights.model().vocab_size, weights.seed()));
  }
  return layers_.embedding(ids, shares);
}

// What the rank holds of a request before its new tokens: computed by an earlier step, or drawn.
template <class A>
auto BasicBlocks<A>::cache_before(const TokenRun& run, int rank, int layer, Shares heads)
    -> KeyValue {
  const std::int64_t drawn = std::min(run.prefix, kPrefixPositions);
  if (run.continues < 0) return attention_.synthetic_prefix(run.first_token, drawn, layer, heads);
  const auto found = caches_.find({rank, layer, heads.first, run.continues});
  if (found != caches_.end()) return found->second;
  // The earlier step never ran here: the cache holds whatever was in memory.
  return attention_.undefined_prefix(drawn, heads);
}

template <class A>
auto BasicBlocks<A>::attention(std::span<const Values> in, const RealRows& rows, int rank,
                               int layer, Shares heads) -> Values {
  const Values& x = in[0];
  Values out = a_.undefined(x.rows(), a_.model().hidden_size);
  std::map<int, std::vector<std::int64_t>> rows_of_run;
  for (std::size_t i = 0; i < rows.tokens.size(); ++i) {
    const auto place = reference_.tokens().find(rows.tokens[i]);
    if (place) rows_of_run[place->run].push_back(static_cast<std::int64_t>(i));
  }
  for (const auto& [index, members] : rows_of_run) {
    const TokenRun& run = reference_.tokens().run(index);
    KeyValue cache = cache_before(run, rank, layer, heads);
    const Values statistics = in.size() > 1 ? a_.rows_of(in[1], members) : Values();
    const Values y = attention_.attention(a_.rows_of(x, members), layer, heads, cache,
                                          in.size() > 1 ? &statistics : nullptr);
    a_.place(out, y, members);
    if (run.is_continued) {
      caches_.insert_or_assign({rank, layer, heads.first, index}, std::move(cache));
    }
  }
  return out;
}

// Share j * units + e is slice j of the experts that unit e stands for.
template <class A>
auto BasicBlocks<A>::routed(const Production& production, Shares shares, int layer,
                            std::span<const Values> in) -> Values {
  const int units = share_units(plan_, production);
  const int slices = std::max(1, shares.of / units);
  Values sum = a_.zero_sum(in[0].rows(), a_.model().hidden_size);
  for (int first = shares.first; first < shares.last;) {
    const int slice = first / units;
    const int last = std::min(shares.last, (slice + 1) * units);
    const Interval experts =
        cut(a_.model().n_routed_experts, {first - slice * units, last - slice * units, units});
    a_.add(sum, layers_.experts(in[0], in[1], layer, experts, {slice, slice + 1, slices}), 0, 1.0);
    first = last;
  }
  return sum;
}

template <class A>
auto BasicBlocks<A>::routing(const Values& x, const RealRows& rows, int layer) -> Values {
  Values weights = layers_.router(x, layer);
  const Matrix<float> told = a_.to_host(weights);
  for (std::size_t i = 0; i < rows.tokens.size(); ++i) {
    const auto place = reference_.tokens().find(rows.tokens[i]);
    if (!place) continue;
    RouterChoice choice{place->step, layer, place->row, {}};
    const std::span<const float> row = told.row(static_cast<std::int64_t>(i));
    for (std::size_t e = 0; e < row.size(); ++e) {
      if (row[e] != 0.0F) choice.experts.push_back(static_cast<int>(e));
    }
    record_(choice);
  }
  return weights;
}

}  // namespace lockstep::numeric
