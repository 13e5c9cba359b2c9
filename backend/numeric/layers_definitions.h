// The members of BasicLayers, for those who instantiate it.
#pragma once

#include <utility>

#include "backend/numeric/layers.h"

namespace lockstep::numeric {

template <class A>
auto BasicLayers<A>::embedding(std::span<const std::int64_t> ids, Shares shares) -> Values {
  const WeightBlock table = at(WeightKind::embedding);
  return a_.only_columns(a_.embedded(table, ids), cut(table.column_count(), shares));
}

template <class A>
auto BasicLayers<A>::norm(const Values& x, int layer, int index, Shares shares) -> Values {
  return a_.only_columns(a_.normed(x, at(WeightKind::norm, layer, index), x.columns()),
                         cut(x.columns(), shares));
}

template <class A>
auto BasicLayers<A>::dense(const Values& x, int layer, Shares shares) -> Values {
  const GatedUnit unit{{WeightKind::dense_gate, layer},
                       {WeightKind::dense_up, layer},
                       {WeightKind::dense_down, layer}};
  return gated_unit(a_, x, unit, cut(a_.model().intermediate_size, shares));
}

template <class A>
auto BasicLayers<A>::shared_expert(const Values& x, int layer, Shares shares) -> Values {
  const GatedUnit unit{{WeightKind::shared_gate, layer},
                       {WeightKind::shared_up, layer},
                       {WeightKind::shared_down, layer}};
  Values y = gated_unit(a_, x, unit, cut(shared_width(a_.model()), shares));
  if (!a_.model().shared_expert_gate) return y;
  return a_.times_sigmoid(std::move(y), a_.product(x, at(WeightKind::shared_expert_gate, layer)));
}

template <class A>
auto BasicLayers<A>::router(const Values& x, int layer) -> Values {
  Values logits = a_.product_unrounded(x, at(WeightKind::router, layer));
  if (a_.model().router_bias) {
    logits = a_.with_row_unrounded(std::move(logits), at(WeightKind::router_bias, layer));
  }
  return a_.chosen(logits, layer);
}

template <class A>
auto BasicLayers<A>::experts(const Values& x, const Values& routing, int layer, Interval experts,
                             Shares slice) -> Values {
  const Model& model = a_.model();
  return a_.experts(x, routing,
                    {layer, experts, cut(model.moe_intermediate_size, slice),
                     model.expert_bias && slice.first == 0});
}

template <class A>
auto BasicLayers<A>::lm_head(const Values& x, Interval columns) -> Values {
  return a_.product(x, at(WeightKind::lm_head).columns(columns));
}

}  // namespace lockstep::numeric
