// A gated feed-forward, of a dense layer or an expert, in any backend's arithmetic.
#pragma once

#include <utility>

#include "backend/numeric/matrix.h"
#include "backend/numeric/weights.h"

namespace lockstep::numeric {

// Three projections, and biases of gate and up where the model has them.
struct GatedUnit {
  WeightName gate, up, down;
  bool has_bias = false;  // expert_gate_bias and expert_up_bias
  double limit = 0;       // of gated()
};

inline GatedUnit expert_unit(const Model& model, int layer, std::int64_t expert) {
  return {{WeightKind::expert_gate, layer, expert},
          {WeightKind::expert_up, layer, expert},
          {WeightKind::expert_down, layer, expert},
          model.expert_bias,
          model.swiglu_limit};
}

// x times some columns of gate or up, with their bias.
template <class Arithmetic>
typename Arithmetic::Values widened(const Arithmetic& a, const typename Arithmetic::Values& x,
                                    WeightName projection, WeightKind bias, bool has_bias,
                                    Interval columns) {
  Weights& weights = a.weights();
  auto wide = a.product(x, weights.at(projection).columns(columns));
  if (!has_bias) return wide;
  const WeightName name{bias, projection.layer, projection.index};
  return a.with_row(std::move(wide), weights.at(name).columns(columns));
}

// down(gated(gate(x), up(x))), for some columns of gate and up and the same rows of down.
template <class Arithmetic>
typename Arithmetic::Values gated_unit(const Arithmetic& a, const typename Arithmetic::Values& x,
                                       const GatedUnit& unit, Interval columns) {
  auto gates = widened(a, x, unit.gate, WeightKind::expert_gate_bias, unit.has_bias, columns);
  const auto ups = widened(a, x, unit.up, WeightKind::expert_up_bias, unit.has_bias, columns);
  return a.product(a.gated(std::move(gates), ups, unit.limit),
                   a.weights().at(unit.down).rows(columns));
}

}  // namespace lockstep::numeric
