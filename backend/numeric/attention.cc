#include "backend/numeric/attention.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "backend/numeric/arithmetic.h"
#include "backend/numeric/rotary.h"
#include "backend/numeric/tensor.h"

namespace lockstep::numeric {
namespace {

float dot(std::span<const float> a, std::span<const float> b) {
  float sum = 0.0F;
  for (std::size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
  return sum;
}

// One head of one token: softmax of the scores over `positions`, times v. A sink is one more score,
// without a value.
void attend(std::span<const float> query, const KeyValue& all, std::int64_t kv_head,
            Interval positions, const float* sink, std::span<float> out) {
  const auto at = [&](std::int64_t width) { return static_cast<std::size_t>(kv_head * width); };
  const std::size_t key_at = at(static_cast<std::int64_t>(query.size()));
  const std::size_t value_at = at(static_cast<std::int64_t>(out.size()));
  const float scale = 1.0F / std::sqrt(static_cast<float>(query.size()));
  std::vector<float> scores;
  for (std::int64_t p = positions.first; p < positions.last; ++p) {
    scores.push_back(scale * dot(query, all.keys.row(p).subspan(key_at, query.size())));
  }
  if (sink != nullptr) scores.push_back(*sink);
  softmax(std::span(scores));
  for (std::int64_t p = positions.first; p < positions.last; ++p) {
    const std::span<const float> value = all.values.row(p).subspan(value_at, out.size());
    const float weight = scores[static_cast<std::size_t>(p - positions.first)];
    for (std::size_t i = 0; i < out.size(); ++i) out[i] += weight * value[i];
  }
}

}  // namespace

Matrix<float> Attention::projected(const Matrix<float>& x, WeightKind kind, int layer,
                                   Interval columns) {
  return stored(product(x, weights_.at({kind, layer}).columns(columns)), storage_);
}

Matrix<float> Attention::with_bias(Matrix<float> x, WeightKind bias, int layer, Interval columns) {
  add_to_rows(x, weights_.at({bias, layer}).columns(columns).row());
  return stored(std::move(x), storage_);
}

void Attention::turn(Matrix<float>& x, std::int64_t stride, std::int64_t offset,
                     std::int64_t first_position) {
  const Model& model = weights_.model();
  const std::int64_t width = rotary_width(model);
  if (width == 0) return;
  const Rotary rotary(width, model.rope_theta, {first_position, first_position + x.rows()});
  for (std::int64_t r = 0; r < x.rows(); ++r) {
    for (std::int64_t c = offset; c < x.columns(); c += stride) {
      rotary.turn(x.row(r).subspan(static_cast<std::size_t>(c), static_cast<std::size_t>(width)),
                  first_position + r);
    }
  }
  x = stored(std::move(x), storage_);
}

Matrix<float> Attention::mixed(const Parts& parts, int layer) {
  const Model& model = weights_.model();
  const auto width = static_cast<std::size_t>(query_width(model));
  const auto value = static_cast<std::size_t>(value_width(model));
  const std::int64_t heads = parts.queries.columns() / static_cast<std::int64_t>(width);
  const std::int64_t window = model.window_of(layer);
  const std::int64_t before = parts.all.keys.rows() - parts.queries.rows();
  std::vector<float> sinks;
  if (model.attention_sinks) sinks = weights_.at({WeightKind::sink, layer}).row();
  Matrix<float> out(parts.queries.rows(), heads * static_cast<std::int64_t>(value));
  for (std::int64_t r = 0; r < out.rows(); ++r) {
    const std::int64_t end = before + r + 1;
    const Interval seen{window > 0 ? std::max<std::int64_t>(0, end - window) : 0, end};
    for (std::int64_t h = 0; h < heads; ++h) {
      const std::int64_t of_all = parts.first_query + h;
      const auto i = static_cast<std::size_t>(h);
      const float* sink = sinks.empty() ? nullptr : &sinks[static_cast<std::size_t>(of_all)];
      attend(parts.queries.row(r).subspan(i * width, width), parts.all,
             of_all / parts.group - parts.first_kv, seen, sink,
             out.row(r).subspan(i * value, value));
    }
  }
  return stored(std::move(out), storage_);
}

Matrix<float> Attention::attention(const Matrix<float>& x, int layer, Shares heads, KeyValue& cache,
                                   const Matrix<float>* statistics) {
  const Model& model = weights_.model();
  const Parts parts = model.is_latent() ? latent(x, layer, heads, cache)
                                        : grouped(x, layer, heads, cache, statistics);
  const Interval own = heads_of(model, heads).query;
  const std::int64_t width = value_width(model);
  const WeightBlock out =
      weights_.at({WeightKind::attention_out, layer}).rows({own.first * width, own.last * width});
  return stored(product(mixed(parts, layer), out), storage_);
}

KeyValue Attention::synthetic_prefix(std::int64_t request, std::int64_t positions, int layer,
                                     Shares heads) {
  const KeyValue shape = undefined_prefix(0, heads);
  const Interval rows{0, std::min(positions, kPrefixPositions)};
  const Heads own = heads_of(weights_.model(), heads);
  const auto drawn = [&](WeightKind kind, std::int64_t columns) {
    const std::int64_t per_head = own.kv.size() > 0 ? columns / own.kv.size() : 0;
    const std::int64_t first = weights_.model().is_latent() ? 0 : own.kv.first * per_head;
    return weights_.at({kind, layer, request}).rows(rows).columns({first, first + columns}).drawn();
  };
  return {drawn(WeightKind::prefix_key, shape.keys.columns()),
          drawn(WeightKind::prefix_value, shape.values.columns())};
}

KeyValue Attention::undefined_prefix(std::int64_t positions, Shares heads) const {
  const Model& m = weights_.model();
  const std::int64_t kv = heads_of(m, heads).kv.size();
  const std::int64_t keys = m.is_latent() ? rotary_width(m) : kv * query_width(m);
  const std::int64_t values = m.is_latent() ? m.kv_lora_rank : kv * value_width(m);
  return {Matrix<float>(positions, keys, kUndefinedElement),
          Matrix<float>(positions, values, kUndefinedElement)};
}

Matrix<float> Attention::output_bias(std::int64_t rows, int layer) {
  Matrix<float> out(rows, weights_.model().hidden_size);
  add_to_rows(out, weights_.at({WeightKind::attention_bias, layer}).row());
  return out;
}

}  // namespace lockstep::numeric
