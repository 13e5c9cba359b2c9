// Heads that share keys and values in groups (GQA; Ainslie et al., 2023), or not at all.
#include "backend/numeric/arithmetic.h"
#include "backend/numeric/attention.h"

namespace lockstep::numeric {
namespace {

Interval columns_of(Interval heads, std::int64_t width) {
  return {heads.first * width, heads.last * width};
}

}  // namespace

void Attention::norm_by_head(Matrix<float>& x, WeightKind gains, int layer) {
  const auto width = static_cast<std::size_t>(query_width(weights_.model()));
  const std::vector<float> gain = weights_.at({gains, layer}).row();
  for (std::int64_t r = 0; r < x.rows(); ++r) {
    for (std::size_t c = 0; c + width <= x.row(r).size(); c += width) {
      rms_norm_part(x.row(r).subspan(c, width), std::span(gain).first(width),
                    weights_.model().rms_norm_eps);
    }
  }
  x = stored(std::move(x), storage_);
}

void Attention::norm_over_all(Matrix<float>& x, WeightKind gains, int layer, Interval columns,
                              const Matrix<float>& statistics, std::int64_t statistic) {
  const std::int64_t all = shape_of(weights_.model(), gains).columns;
  divide_by_rms(x, all, weights_.model().rms_norm_eps,
                [&](std::int64_t r) { return statistics(r, statistic); });
  const std::vector<float> gain = weights_.at({gains, layer}).columns(columns).row();
  for (std::int64_t r = 0; r < x.rows(); ++r) {
    for (std::size_t c = 0; c < gain.size(); ++c) x.row(r)[c] *= gain[c];
  }
  x = stored(std::move(x), storage_);
}

Attention::Parts Attention::grouped(const Matrix<float>& x, int layer, Shares heads,
                                    KeyValue& cache, const Matrix<float>* statistics) {
  const Model& model = weights_.model();
  const Heads own = heads_of(model, heads);
  const Interval q = columns_of(own.query, query_width(model));
  const Interval k = columns_of(own.kv, query_width(model));
  const Interval v = columns_of(own.kv, value_width(model));
  Matrix<float> queries = projected(x, WeightKind::query, layer, q);
  Matrix<float> keys = projected(x, WeightKind::key, layer, k);
  Matrix<float> values = projected(x, WeightKind::value, layer, v);
  if (model.qkv_bias) {
    queries = with_bias(std::move(queries), WeightKind::query_bias, layer, q);
    keys = with_bias(std::move(keys), WeightKind::key_bias, layer, k);
    values = with_bias(std::move(values), WeightKind::value_bias, layer, v);
  }
  if (statistics != nullptr) {
    norm_over_all(queries, WeightKind::query_norm, layer, q, *statistics, 0);
    norm_over_all(keys, WeightKind::key_norm, layer, k, *statistics, 1);
  } else if (model.use_qk_norm) {
    norm_by_head(queries, WeightKind::query_norm, layer);
    norm_by_head(keys, WeightKind::key_norm, layer);
  }
  turn(queries, query_width(model), 0, cache.keys.rows());
  turn(keys, query_width(model), 0, cache.keys.rows());
  cache = {stacked(cache.keys, keys), stacked(cache.values, values)};
  return {std::move(queries), cache, own.group, own.query.first, own.kv.first};
}

Matrix<float> Attention::qk_statistics(const Matrix<float>& x, int layer, Shares heads) {
  const Model& model = weights_.model();
  const Heads own = heads_of(model, heads);
  const std::int64_t width = query_width(model);
  Matrix<float> queries = projected(x, WeightKind::query, layer, columns_of(own.query, width));
  Matrix<float> keys = projected(x, WeightKind::key, layer, columns_of(own.kv, width));
  if (model.qkv_bias) {
    queries =
        with_bias(std::move(queries), WeightKind::query_bias, layer, columns_of(own.query, width));
    keys = with_bias(std::move(keys), WeightKind::key_bias, layer, columns_of(own.kv, width));
  }
  Matrix<float> out(x.rows(), 2);
  for (std::int64_t r = 0; r < x.rows(); ++r) {
    out(r, 0) = sum_of_squares<float>(queries.row(r));
    for (std::int64_t h = own.query.first; h < own.query.last; ++h) {
      const std::int64_t kv = h / own.group - own.kv.first;
      out(r, 1) += sum_of_squares<float>(keys.row(r).subspan(static_cast<std::size_t>(kv * width),
                                                             static_cast<std::size_t>(width)));
    }
    out(r, 1) /= static_cast<float>(own.group);
  }
  return out;
}

}  // namespace lockstep::numeric
