// The members of BasicAttention, for those who instantiate it.
#pragma once

#include <algorithm>
#include <utility>

#include "backend/numeric/attention_grouped.h"
#include "backend/numeric/attention_latent.h"

namespace lockstep::numeric {

template <class A>
auto BasicAttention<A>::projected(const Values& x, WeightKind kind, int layer, Interval columns)
    -> Values {
  return a_.product(x, at(kind, layer).columns(columns));
}

template <class A>
auto BasicAttention<A>::projected(const Values& x, WeightKind kind, WeightKind bias, int layer,
                                  Interval columns) -> Values {
  Values y = projected(x, kind, layer, columns);
  if (!a_.model().qkv_bias) return y;
  return a_.with_row(std::move(y), at(bias, layer).columns(columns));
}

template <class A>
auto BasicAttention<A>::attention(const Values& x, int layer, Shares heads, KeyValue& cache,
                                  const Values* statistics) -> Values {
  const Model& model = a_.model();
  const Parts parts = model.is_latent() ? latent(x, layer, heads, cache)
                                        : grouped(x, layer, heads, cache, statistics);
  const Interval own = heads_of(model, heads).query;
  const std::int64_t width = value_width(model);
  return a_.product(
      a_.mixed(parts.queries, parts.all.keys, parts.all.values, parts.heads, layer),
      at(WeightKind::attention_out, layer).rows({own.first * width, own.last * width}));
}

template <class A>
auto BasicAttention<A>::synthetic_prefix(std::int64_t request, std::int64_t positions, int layer,
                                         Shares heads) -> KeyValue {
  const KeyValue shape = undefined_prefix(0, heads);
  const Interval rows{0, std::min(positions, kPrefixPositions)};
  const Heads own = heads_of(a_.model(), heads);
  const auto drawn = [&](WeightKind kind, std::int64_t columns) {
    const std::int64_t per_head = own.kv.size() > 0 ? columns / own.kv.size() : 0;
    const std::int64_t first = a_.model().is_latent() ? 0 : own.kv.first * per_head;
    return a_.drawn(at(kind, layer, request).rows(rows).columns({first, first + columns}));
  };
  return {drawn(WeightKind::prefix_key, shape.keys.columns()),
          drawn(WeightKind::prefix_value, shape.values.columns())};
}

template <class A>
auto BasicAttention<A>::undefined_prefix(std::int64_t positions, Shares heads) const -> KeyValue {
  const Model& m = a_.model();
  const std::int64_t kv = heads_of(m, heads).kv.size();
  const std::int64_t keys = m.is_latent() ? rotary_width(m) : kv * query_width(m);
  const std::int64_t values = m.is_latent() ? m.kv_lora_rank : kv * value_width(m);
  return {a_.undefined(positions, keys), a_.undefined(positions, values)};
}

template <class A>
auto BasicAttention<A>::output_bias(std::int64_t rows, int layer) -> Values {
  return a_.repeated(at(WeightKind::attention_bias, layer), rows);
}

}  // namespace lockstep::numeric
