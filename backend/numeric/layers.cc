#include "backend/numeric/layers.h"

#include <cmath>

#include "backend/numeric/arithmetic.h"
#include "backend/numeric/router.h"

namespace lockstep::numeric {
namespace {

void clear_outside(Matrix<float>& x, Interval columns) {
  for (std::int64_t r = 0; r < x.rows(); ++r) {
    for (std::int64_t c = 0; c < x.columns(); ++c) {
      if (c < columns.first || c >= columns.last) x(r, c) = 0.0F;
    }
  }
}

// The rows whose token goes to an expert.
std::vector<std::int64_t> rows_to(const Matrix<float>& routing, std::int64_t expert) {
  std::vector<std::int64_t> rows;
  for (std::int64_t r = 0; r < routing.rows(); ++r) {
    if (routing(r, expert) != 0.0F) rows.push_back(r);
  }
  return rows;
}

}  // namespace

Matrix<float> Layers::embedding(std::span<const std::int64_t> ids, Shares shares) {
  const WeightBlock table = weights_.at({WeightKind::embedding});
  Matrix<float> out(static_cast<std::int64_t>(ids.size()), table.column_count());
  for (std::size_t i = 0; i < ids.size(); ++i) {
    const std::vector<float> row = table.rows({ids[i], ids[i] + 1}).row();
    std::ranges::copy(row, out.row(static_cast<std::int64_t>(i)).begin());
  }
  clear_outside(out, cut(out.columns(), shares));
  return out;
}

Matrix<float> Layers::norm(const Matrix<float>& x, int layer, int index, Shares shares) {
  const std::vector<float> gain = weights_.at({WeightKind::norm, layer, index}).row();
  Matrix<float> out = rms_norm(x, gain, weights_.model().rms_norm_eps);
  clear_outside(out, cut(out.columns(), shares));
  return stored(std::move(out), storage_);
}

Matrix<float> Layers::widened(const Matrix<float>& x, WeightName projection, WeightKind bias,
                              const GatedUnit& unit, Interval columns) {
  Matrix<float> wide = stored(product(x, weights_.at(projection).columns(columns)), storage_);
  if (!unit.has_bias) return wide;
  add_to_rows(wide, weights_.at({bias, projection.layer, projection.index}).columns(columns).row());
  return stored(std::move(wide), storage_);
}

// down(gated(gate(x), up(x))), for some columns of gate and up and the same rows of down.
Matrix<float> Layers::gated_unit(const Matrix<float>& x, const GatedUnit& unit, Interval columns) {
  Matrix<float> gates = widened(x, unit.gate, WeightKind::expert_gate_bias, unit, columns);
  const Matrix<float> ups = widened(x, unit.up, WeightKind::expert_up_bias, unit, columns);
  const bool is_expert = unit.gate.kind == WeightKind::expert_gate;
  const double limit = is_expert ? weights_.model().swiglu_limit : 0.0;
  for (std::int64_t r = 0; r < gates.rows(); ++r) {
    for (std::int64_t c = 0; c < gates.columns(); ++c) {
      gates(r, c) = gated(gates(r, c), ups(r, c), limit);
    }
  }
  gates = stored(std::move(gates), storage_);
  return stored(product(gates, weights_.at(unit.down).rows(columns)), storage_);
}

Matrix<float> Layers::dense(const Matrix<float>& x, int layer, Shares shares) {
  const GatedUnit unit{{WeightKind::dense_gate, layer},
                       {WeightKind::dense_up, layer},
                       {WeightKind::dense_down, layer}};
  return gated_unit(x, unit, cut(weights_.model().intermediate_size, shares));
}

Matrix<float> Layers::shared_expert(const Matrix<float>& x, int layer, Shares shares) {
  const GatedUnit unit{{WeightKind::shared_gate, layer},
                       {WeightKind::shared_up, layer},
                       {WeightKind::shared_down, layer}};
  Matrix<float> y = gated_unit(x, unit, cut(shared_width(weights_.model()), shares));
  if (!weights_.model().shared_expert_gate) return y;
  const Matrix<float> gate =
      stored(product(x, weights_.at({WeightKind::shared_expert_gate, layer})), storage_);
  for (std::int64_t r = 0; r < y.rows(); ++r) {
    for (float& v : y.row(r)) v *= sigmoid(gate(r, 0));
  }
  return stored(std::move(y), storage_);
}

Matrix<float> Layers::router(const Matrix<float>& x, int layer) {
  const Model& model = weights_.model();
  const RouterBiases biases = router_biases(weights_, layer);
  Matrix<float> routing = product(x, weights_.at({WeightKind::router, layer}));
  if (!biases.logits.empty()) add_to_rows(routing, biases.logits);
  for (std::int64_t r = 0; r < routing.rows(); ++r) {
    const std::span<float> row = routing.row(r);
    std::vector<double> scores(row.begin(), row.end());
    score(scores, model);
    const std::vector<int> chosen = choose_experts(ranking(scores, biases), model).experts;
    const std::vector<double> combine = combine_weights(scores, chosen, model);
    std::ranges::fill(row, 0.0F);
    for (std::size_t i = 0; i < chosen.size(); ++i) {
      row[static_cast<std::size_t>(chosen[i])] = static_cast<float>(combine[i]);
    }
  }
  return stored(std::move(routing), storage_);
}

Matrix<float> Layers::expert(const Matrix<float>& x, int layer, std::int64_t expert, Shares slice) {
  const bool has_bias = weights_.model().expert_bias;
  const GatedUnit unit{{WeightKind::expert_gate, layer, expert},
                       {WeightKind::expert_up, layer, expert},
                       {WeightKind::expert_down, layer, expert},
                       has_bias};
  Matrix<float> y = gated_unit(x, unit, cut(weights_.model().moe_intermediate_size, slice));
  if (!has_bias || slice.first != 0) return y;
  add_to_rows(y, weights_.at({WeightKind::expert_down_bias, layer, expert}).row());
  return stored(std::move(y), storage_);
}

Matrix<float> Layers::experts(const Matrix<float>& x, const Matrix<float>& routing, int layer,
                              Interval experts, Shares slice) {
  Matrix<float> out(x.rows(), weights_.model().hidden_size);
  for (std::int64_t e = experts.first; e < experts.last; ++e) {
    const std::vector<std::int64_t> rows = rows_to(routing, e);
    if (rows.empty()) continue;
    const Matrix<float> y = expert(gathered(x, rows), layer, e, slice);
    for (std::size_t i = 0; i < rows.size(); ++i) {
      const float weight = routing(rows[i], e);
      const std::span<float> to = out.row(rows[i]);
      const std::span<const float> from = y.row(static_cast<std::int64_t>(i));
      for (std::size_t c = 0; c < to.size(); ++c) to[c] += weight * from[c];
    }
  }
  return stored(std::move(out), storage_);
}

Matrix<float> Layers::lm_head(const Matrix<float>& x, Interval columns) {
  return stored(product(x, weights_.at({WeightKind::lm_head}).columns(columns)), storage_);
}

}  // namespace lockstep::numeric
