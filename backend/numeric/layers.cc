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

Matrix<float> stacked(const Matrix<float>& above, const Matrix<float>& below) {
  Matrix<float> out(above.rows() + below.rows(), below.columns());
  for (std::int64_t r = 0; r < out.rows(); ++r) {
    const bool upper = r < above.rows();
    std::ranges::copy(upper ? above.row(r) : below.row(r - above.rows()), out.row(r).begin());
  }
  return out;
}

float dot(std::span<const float> a, std::span<const float> b) {
  float sum = 0.0F;
  for (std::size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
  return sum;
}

// One head of one token: softmax(q . k / sqrt(width)) over `positions` positions, times v.
void attend(std::span<const float> query, const KeyValue& cache, std::int64_t positions,
            std::size_t first_column, std::span<float> out) {
  const std::size_t width = query.size();
  const float scale = 1.0F / std::sqrt(static_cast<float>(width));
  std::vector<float> scores;
  for (std::int64_t p = 0; p < positions; ++p) {
    scores.push_back(scale * dot(query, cache.keys.row(p).subspan(first_column, width)));
  }
  softmax(std::span(scores));
  for (std::int64_t p = 0; p < positions; ++p) {
    const std::span<const float> value = cache.values.row(p).subspan(first_column, width);
    for (std::size_t i = 0; i < width; ++i) {
      out[i] += scores[static_cast<std::size_t>(p)] * value[i];
    }
  }
}

}  // namespace

Interval cut(std::int64_t count, Shares shares) {
  return {count * shares.first / shares.of, count * shares.last / shares.of};
}

Matrix<float> Layers::embedding(std::span<const std::int64_t> ids, Shares shares) {
  const SharedMatrix table = weights_.get({WeightKind::embedding});
  Matrix<float> out = gathered(*table, {ids.begin(), ids.end()});
  clear_outside(out, cut(out.columns(), shares));
  return out;
}

Matrix<float> Layers::norm(const Matrix<float>& x, int layer, int index, Shares shares) {
  const SharedMatrix gain = weights_.get({WeightKind::norm, layer, index});
  Matrix<float> out = rms_norm(x, gain->row(0), weights_.model().rms_norm_eps);
  clear_outside(out, cut(out.columns(), shares));
  return out;
}

// The columns of queries, keys and values that belong to some heads.
Interval Layers::columns_of(Shares heads) const {
  const Interval own = cut(weights_.model().num_attention_heads, heads);
  const std::int64_t width = head_width(weights_.model());
  return {own.first * width, own.last * width};
}

Matrix<float> Layers::projected(const Matrix<float>& x, WeightKind kind, int layer,
                                Interval columns) {
  const SharedMatrix w = weights_.get({kind, layer});
  return product(x, Block(*w).columns(columns));
}

KeyValue Layers::synthetic_prefix(std::int64_t request, std::int64_t positions, int layer,
                                  Shares heads) {
  const Interval columns = columns_of(heads);
  const auto slice = [&](WeightKind kind) {
    const SharedMatrix whole = weights_.get({kind, layer, request});
    Matrix<float> rows(std::min(positions, kPrefixPositions), columns.size());
    for (std::int64_t r = 0; r < rows.rows(); ++r) {
      std::ranges::copy(Block(*whole).columns(columns).row(r), rows.row(r).begin());
    }
    return rows;
  };
  return {slice(WeightKind::prefix_key), slice(WeightKind::prefix_value)};
}

Matrix<float> Layers::qk_statistics(const Matrix<float>& x, int layer, Shares heads) {
  Matrix<float> out(x.rows(), 2);
  for (const std::int64_t column : {0, 1}) {
    const WeightKind kind = column == 0 ? WeightKind::query : WeightKind::key;
    const Matrix<float> part = projected(x, kind, layer, columns_of(heads));
    for (std::int64_t r = 0; r < x.rows(); ++r) out(r, column) = sum_of_squares(part.row(r));
  }
  return out;
}

Matrix<float> Layers::attention_bias(std::int64_t rows, int layer) {
  const SharedMatrix bias = weights_.get({WeightKind::attention_bias, layer});
  Matrix<float> out(rows, bias->columns());
  for (std::int64_t r = 0; r < rows; ++r) std::ranges::copy(bias->row(0), out.row(r).begin());
  return out;
}

Matrix<float> Layers::attention(const Matrix<float>& x, int layer, Shares heads, KeyValue& cache,
                                const Matrix<float>* statistics) {
  const Interval columns = columns_of(heads);
  Matrix<float> queries = projected(x, WeightKind::query, layer, columns);
  Matrix<float> keys = projected(x, WeightKind::key, layer, columns);
  if (statistics != nullptr) {
    const Model& model = weights_.model();
    const auto norm = [&](Matrix<float>& part, std::int64_t column) {
      divide_by_rms(part, attention_width(model), model.rms_norm_eps,
                    [&](std::int64_t r) { return (*statistics)(r, column); });
    };
    norm(queries, 0);
    norm(keys, 1);
  }
  const std::int64_t before = cache.keys.rows();
  cache.keys = stacked(cache.keys, keys);
  cache.values = stacked(cache.values, projected(x, WeightKind::value, layer, columns));
  Matrix<float> mixed(x.rows(), columns.size());
  const auto step = static_cast<std::size_t>(head_width(weights_.model()));
  for (std::int64_t r = 0; r < x.rows(); ++r) {
    for (std::size_t c = 0; c < static_cast<std::size_t>(columns.size()); c += step) {
      attend(queries.row(r).subspan(c, step), cache, before + r + 1, c,
             mixed.row(r).subspan(c, step));
    }
  }
  const SharedMatrix out = weights_.get({WeightKind::attention_out, layer});
  return product(mixed, Block(*out).rows(columns));
}

// down(silu(gate(x)) * up(x)), for some columns of gate and up and the same rows of down.
Matrix<float> Layers::gated_unit(const Matrix<float>& x, const GatedUnit& unit, Interval columns) {
  const SharedMatrix gate = weights_.get(unit.gate);
  const SharedMatrix up = weights_.get(unit.up);
  const SharedMatrix down = weights_.get(unit.down);
  Matrix<float> gates = product(x, Block(*gate).columns(columns));
  const Matrix<float> ups = product(x, Block(*up).columns(columns));
  for (std::int64_t r = 0; r < gates.rows(); ++r) {
    for (std::int64_t c = 0; c < gates.columns(); ++c) gates(r, c) = silu(gates(r, c)) * ups(r, c);
  }
  return product(gates, Block(*down).rows(columns));
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
  return gated_unit(x, unit, cut(shared_width(weights_.model()), shares));
}

Matrix<float> Layers::router(const Matrix<float>& x, int layer) {
  const SharedMatrix w = weights_.get({WeightKind::router, layer});
  Matrix<float> routing = product(x, Block(*w));
  for (std::int64_t r = 0; r < routing.rows(); ++r) {
    const std::span<float> row = routing.row(r);
    std::vector<double> scores(row.begin(), row.end());
    score(scores, weights_.model());
    const std::vector<int> chosen = choose_experts(scores, weights_.model()).experts;
    const std::vector<double> combine = combine_weights(scores, chosen, weights_.model());
    std::ranges::fill(row, 0.0F);
    for (std::size_t i = 0; i < chosen.size(); ++i) {
      row[static_cast<std::size_t>(chosen[i])] = static_cast<float>(combine[i]);
    }
  }
  return routing;
}

Matrix<float> Layers::experts(const Matrix<float>& x, const Matrix<float>& routing, int layer,
                              Interval experts, Shares slice) {
  Matrix<float> out(x.rows(), weights_.model().hidden_size);
  for (std::int64_t e = experts.first; e < experts.last; ++e) {
    std::vector<std::int64_t> rows;
    for (std::int64_t r = 0; r < x.rows(); ++r) {
      if (routing(r, e) != 0.0F) rows.push_back(r);
    }
    if (rows.empty()) continue;
    const GatedUnit unit{{WeightKind::expert_gate, layer, e},
                         {WeightKind::expert_up, layer, e},
                         {WeightKind::expert_down, layer, e}};
    const Matrix<float> y =
        gated_unit(gathered(x, rows), unit, cut(weights_.model().moe_intermediate_size, slice));
    for (std::size_t i = 0; i < rows.size(); ++i) {
      const float weight = routing(rows[i], e);
      const std::span<float> to = out.row(rows[i]);
      const std::span<const float> from = y.row(static_cast<std::int64_t>(i));
      for (std::size_t c = 0; c < to.size(); ++c) to[c] += weight * from[c];
    }
  }
  return out;
}

Matrix<float> Layers::lm_head(const Matrix<float>& x, Interval columns) {
  const SharedMatrix w = weights_.get({WeightKind::lm_head});
  return product(x, Block(*w).columns(columns));
}

}  // namespace lockstep::numeric
