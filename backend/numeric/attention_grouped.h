// Heads that share keys and values in groups (GQA; Ainslie et al., 2023), or not at all.
#pragma once

#include <utility>

#include "backend/numeric/attention.h"

namespace lockstep::numeric {

inline Interval columns_of_heads(Interval heads, std::int64_t width) {
  return {heads.first * width, heads.last * width};
}

template <class A>
auto BasicAttention<A>::grouped(const Values& x, int layer, Shares heads, KeyValue& cache,
                                const Values* statistics) -> Parts {
  const Model& model = a_.model();
  const Heads own = heads_of(model, heads);
  const std::int64_t width = query_width(model);
  const Interval q = columns_of_heads(own.query, width);
  const Interval k = columns_of_heads(own.kv, width);
  const Interval v = columns_of_heads(own.kv, value_width(model));
  Values queries = projected(x, WeightKind::query, WeightKind::query_bias, layer, q);
  Values keys = projected(x, WeightKind::key, WeightKind::key_bias, layer, k);
  Values values = projected(x, WeightKind::value, WeightKind::value_bias, layer, v);
  if (statistics != nullptr) {
    const auto over_all = [&](Values part, WeightKind gains, Interval columns, int statistic) {
      const WeightBlock gain = at(gains, layer);
      return a_.normed_over_all(std::move(part), gain.columns(columns), *statistics, statistic,
                                gain.column_count());
    };
    queries = over_all(std::move(queries), WeightKind::query_norm, q, 0);
    keys = over_all(std::move(keys), WeightKind::key_norm, k, 1);
  } else if (model.use_qk_norm) {
    queries = a_.normed(std::move(queries), at(WeightKind::query_norm, layer), width);
    keys = a_.normed(std::move(keys), at(WeightKind::key_norm, layer), width);
  }
  const std::int64_t before = cache.keys.rows();
  queries = a_.turned(std::move(queries), width, 0, before);
  keys = a_.turned(std::move(keys), width, 0, before);
  cache = {a_.stacked(cache.keys, keys), a_.stacked(cache.values, values)};
  return {std::move(queries), cache, {own.query.first, own.kv.first, own.group}};
}

template <class A>
auto BasicAttention<A>::qk_statistics(const Values& x, int layer, Shares heads) -> Values {
  const Model& model = a_.model();
  const Heads own = heads_of(model, heads);
  const std::int64_t width = query_width(model);
  const Values queries = projected(x, WeightKind::query, WeightKind::query_bias, layer,
                                   columns_of_heads(own.query, width));
  const Values keys =
      projected(x, WeightKind::key, WeightKind::key_bias, layer, columns_of_heads(own.kv, width));
  return a_.squares(queries, keys, {own.query.first, own.kv.first, own.group});
}

}  // namespace lockstep::numeric
