// Multi-head latent attention (DeepSeek-V2, section 2.1; DeepSeek-V3, section 2.1.1): keys and
// values of all heads are made from one vector per token, which is what the cache keeps, and a
// rotary key that the heads share.
#pragma once

#include <algorithm>
#include <utility>

#include "backend/numeric/attention.h"

namespace lockstep::numeric {

template <class A>
auto BasicAttention<A>::latent_queries(const Values& x, int layer, const Heads& heads) -> Values {
  const Model& model = a_.model();
  const std::int64_t width = query_width(model);
  const Interval columns{heads.query.first * width, heads.query.last * width};
  if (model.q_lora_rank == 0) return projected(x, WeightKind::query, layer, columns);
  Values down = a_.product(x, at(WeightKind::query_down, layer));
  const std::int64_t compressed = down.columns();
  return projected(a_.normed(std::move(down), at(WeightKind::query_latent_norm, layer), compressed),
                   WeightKind::query, layer, columns);
}

template <class A>
auto BasicAttention<A>::latent(const Values& x, int layer, Shares shares, KeyValue& cache)
    -> Parts {
  const Model& model = a_.model();
  const Heads heads = heads_of(model, shares);
  const std::int64_t nope = model.qk_nope_head_dim;
  const std::int64_t before = cache.keys.rows();
  Values queries = a_.turned(latent_queries(x, layer, heads), query_width(model), nope, before);

  const std::int64_t rank = model.kv_lora_rank;
  const std::int64_t rotary = rotary_width(model);
  const Values down = projected(x, WeightKind::latent_down, layer, {0, rank + rotary});
  const Values rotary_key = a_.turned(a_.columns_of(down, {rank, rank + rotary}),
                                      std::max<std::int64_t>(1, rotary), 0, before);
  const Values normed =
      a_.normed(a_.columns_of(down, {0, rank}), at(WeightKind::latent_norm, layer), rank);
  cache = {a_.stacked(cache.keys, rotary_key), a_.stacked(cache.values, normed)};

  const auto of_heads = [&](WeightKind kind, std::int64_t width) {
    return projected(cache.values, kind, layer,
                     {heads.query.first * width, heads.query.last * width});
  };
  const Values keys = of_heads(WeightKind::latent_key, nope);
  return {std::move(queries),
          {a_.joined(keys, cache.keys, heads.query.size(), nope),
           of_heads(WeightKind::latent_value, value_width(model))},
          {heads.query.first, heads.query.first, 1}};
}

}  // namespace lockstep::numeric
