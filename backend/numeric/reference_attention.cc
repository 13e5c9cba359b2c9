#include "backend/numeric/reference_attention.h"

#include <algorithm>
#include <cmath>

#include "backend/numeric/arithmetic.h"
#include "backend/numeric/rotary.h"

namespace lockstep::numeric {
namespace {

// Rows [first, first + count) of x.
Matrix<double> taken_rows(const Matrix<double>& x, std::int64_t first, std::int64_t count) {
  Matrix<double> out(count, x.columns());
  for (std::int64_t r = 0; r < count; ++r) std::ranges::copy(x.row(first + r), out.row(r).begin());
  return out;
}

Matrix<double> widened(const Matrix<float>& x) {
  Matrix<double> out(x.rows(), x.columns());
  for (std::int64_t r = 0; r < x.rows(); ++r) std::ranges::copy(x.row(r), out.row(r).begin());
  return out;
}

// The sum over i < count of a(r, from_a + i) * b(p, from_b + i).
double overlap(const Matrix<double>& a, std::int64_t r, std::int64_t from_a,
               const Matrix<double>& b, std::int64_t p, std::int64_t from_b, std::int64_t count) {
  double sum = 0;
  for (std::int64_t i = 0; i < count; ++i) sum += a(r, from_a + i) * b(p, from_b + i);
  return sum;
}

}  // namespace

Matrix<double> ReferenceAttention::value(int step, int layer) {
  const Model& model = weights_.model();
  Matrix<double> mixed(tokens_.rows(step), attention_width(model));
  for (std::size_t i = 0; i < tokens_.runs().size(); ++i) {
    const TokenRun& run = tokens_.runs()[i];
    if (run.step != step) continue;
    const auto index = static_cast<int>(i);
    const Matrix<double> of_run = model.is_latent() ? latent(index, layer) : grouped(index, layer);
    for (std::int64_t r = 0; r < run.tokens; ++r) {
      std::ranges::copy(of_run.row(r), mixed.row(run.first_row + r).begin());
    }
  }
  return product(mixed, weights_.at({WeightKind::attention_out, layer}));
}

const ReferenceAttention::Rows& ReferenceAttention::rows(int step, int layer) {
  const std::pair key{step, layer};
  const auto found = rows_.find(key);
  if (found != rows_.end()) return found->second;
  return rows_
      .emplace(key,
               weights_.model().is_latent() ? latent_rows(step, layer) : grouped_rows(step, layer))
      .first->second;
}

Matrix<double> ReferenceAttention::with_bias(const Matrix<double>& x, WeightKind projection,
                                             WeightKind bias, int layer) {
  Matrix<double> out = product(x, weights_.at({projection, layer}));
  if (weights_.model().qkv_bias) add_to_rows(out, weights_.at({bias, layer}).row());
  return out;
}

void ReferenceAttention::norm(Matrix<double>& heads, WeightKind gains, int layer, bool over_all) {
  const Model& model = weights_.model();
  const auto width = static_cast<std::size_t>(over_all ? heads.columns() : query_width(model));
  const std::vector<float> gain = weights_.at({gains, layer}).row();
  for (std::int64_t r = 0; r < heads.rows(); ++r) {
    for (std::size_t c = 0; c < heads.row(r).size(); c += width) {
      rms_norm_part(heads.row(r).subspan(c, width), std::span(gain).first(width),
                    model.rms_norm_eps);
    }
  }
}

ReferenceAttention::Rows ReferenceAttention::grouped_rows(int step, int layer) {
  const Matrix<double>& x = input_(step, layer);
  Rows rows{with_bias(x, WeightKind::query, WeightKind::query_bias, layer),
            with_bias(x, WeightKind::key, WeightKind::key_bias, layer),
            with_bias(x, WeightKind::value, WeightKind::value_bias, layer)};
  const bool over_all = norms_all_heads_(step, layer);
  if (over_all || weights_.model().use_qk_norm) {
    norm(rows.queries, WeightKind::query_norm, layer, over_all);
    norm(rows.keys, WeightKind::key_norm, layer, over_all);
  }
  return rows;
}

ReferenceAttention::Rows ReferenceAttention::latent_rows(int step, int layer) {
  const Model& model = weights_.model();
  const Matrix<double>& x = input_(step, layer);
  Matrix<double> to_queries = x;
  if (model.q_lora_rank > 0) {
    to_queries =
        rms_norm(product(x, weights_.at({WeightKind::query_down, layer})),
                 weights_.at({WeightKind::query_latent_norm, layer}).row(), model.rms_norm_eps);
  }
  const Matrix<double> down = product(x, weights_.at({WeightKind::latent_down, layer}));
  return {product(to_queries, weights_.at({WeightKind::query, layer})),
          sliced(down, {model.kv_lora_rank, down.columns()}),
          rms_norm(sliced(down, {0, model.kv_lora_rank}),
                   weights_.at({WeightKind::latent_norm, layer}).row(), model.rms_norm_eps)};
}

Matrix<double> ReferenceAttention::turned(Matrix<double> rows, std::int64_t first,
                                          std::int64_t stride, std::int64_t offset) {
  const Model& model = weights_.model();
  const std::int64_t width = rotary_width(model);
  if (width == 0) return rows;
  const Rotary rotary(width, model.rope_theta, {first, first + rows.rows()});
  for (std::int64_t r = 0; r < rows.rows(); ++r) {
    for (std::int64_t c = offset; c < rows.columns(); c += stride) {
      rotary.turn(rows.row(r).subspan(static_cast<std::size_t>(c), static_cast<std::size_t>(width)),
                  first + r);
    }
  }
  return rows;
}

ReferenceAttention::History ReferenceAttention::before(int run, int layer) {
  const TokenRun& of = tokens_.run(run);
  if (of.continues >= 0) return history(of.continues, layer);
  const Interval positions{0, std::min(of.prefix, kPrefixPositions)};
  const auto drawn = [&](WeightKind kind) {
    return widened(weights_.at({kind, layer, of.first_token}).rows(positions).drawn());
  };
  return {drawn(WeightKind::prefix_key), drawn(WeightKind::prefix_value)};
}

const ReferenceAttention::History& ReferenceAttention::history(int run, int layer) {
  const std::pair key{run, layer};
  const auto found = histories_.find(key);
  if (found != histories_.end()) return found->second;
  const Model& model = weights_.model();
  const TokenRun& of = tokens_.run(run);
  const History past = before(run, layer);
  const Rows& all = rows(of.step, layer);
  const std::int64_t stride = model.is_latent() ? all.keys.columns() : query_width(model);
  const Matrix<double> keys = turned(taken_rows(all.keys, of.first_row, of.tokens),
                                     past.keys.rows(), std::max<std::int64_t>(1, stride), 0);
  History now{stacked(past.keys, keys),
              stacked(past.values, taken_rows(all.values, of.first_row, of.tokens))};
  return histories_.emplace(key, std::move(now)).first->second;
}

Matrix<double> ReferenceAttention::turned_queries(int run, int layer) {
  const Model& model = weights_.model();
  const TokenRun& of = tokens_.run(run);
  const std::int64_t first = history(run, layer).keys.rows() - of.tokens;
  return turned(taken_rows(rows(of.step, layer).queries, of.first_row, of.tokens), first,
                query_width(model), model.is_latent() ? model.qk_nope_head_dim : 0);
}

Interval ReferenceAttention::seen(std::int64_t position, int layer) const {
  const std::int64_t window = weights_.model().window_of(layer);
  const std::int64_t first = window > 0 ? std::max<std::int64_t>(0, position + 1 - window) : 0;
  return {first, position + 1};
}

std::vector<double> ReferenceAttention::probabilities(std::vector<double> scores, int layer,
                                                      std::int64_t head) {
  const Model& model = weights_.model();
  for (double& s : scores) s /= std::sqrt(static_cast<double>(query_width(model)));
  if (!model.attention_sinks) {
    softmax(std::span(scores));
    return scores;
  }
  const WeightBlock sink = weights_.at({WeightKind::sink, layer}).columns({head, head + 1});
  scores.push_back(static_cast<double>(sink.row().front()));
  softmax(std::span(scores));
  scores.pop_back();
  return scores;
}

Matrix<double> ReferenceAttention::grouped(int run, int layer) {
  const Model& model = weights_.model();
  const History& past = history(run, layer);
  const Matrix<double> queries = turned_queries(run, layer);
  const std::int64_t width = query_width(model);
  const std::int64_t group = query_heads(model) / std::max<std::int64_t>(1, kv_heads(model));
  Matrix<double> mixed(queries.rows(), attention_width(model));
  for (std::int64_t r = 0; r < queries.rows(); ++r) {
    const Interval positions = seen(past.keys.rows() - queries.rows() + r, layer);
    for (std::int64_t head = 0; head < query_heads(model); ++head) {
      const std::int64_t from = head / group * width;
      std::vector<double> scores;
      for (std::int64_t p = positions.first; p < positions.last; ++p) {
        scores.push_back(overlap(queries, r, head * width, past.keys, p, from, width));
      }
      const std::vector<double> weights = probabilities(std::move(scores), layer, head);
      for (std::int64_t p = positions.first; p < positions.last; ++p) {
        const double weight = weights[static_cast<std::size_t>(p - positions.first)];
        for (std::int64_t c = 0; c < width; ++c) {
          mixed(r, head * width + c) += weight * past.values(p, from + c);
        }
      }
    }
  }
  return mixed;
}

// Mixes latents and makes values of the mixture: what the heads' mixed values are, in another
// order.
Matrix<double> ReferenceAttention::latent(int run, int layer) {
  const Model& model = weights_.model();
  const History& past = history(run, layer);
  const Matrix<double> queries = turned_queries(run, layer);
  const std::int64_t nope = model.qk_nope_head_dim;
  const std::int64_t width = query_width(model);
  const std::int64_t value = value_width(model);
  const Matrix<double> keys = product(past.values, weights_.at({WeightKind::latent_key, layer}));
  Matrix<double> mixed(queries.rows(), attention_width(model));
  for (std::int64_t head = 0; head < query_heads(model); ++head) {
    Matrix<double> latents(queries.rows(), model.kv_lora_rank);
    for (std::int64_t r = 0; r < queries.rows(); ++r) {
      const Interval positions = seen(past.keys.rows() - queries.rows() + r, layer);
      std::vector<double> scores;
      for (std::int64_t p = positions.first; p < positions.last; ++p) {
        scores.push_back(overlap(queries, r, head * width, keys, p, head * nope, nope) +
                         overlap(queries, r, head * width + nope, past.keys, p, 0, width - nope));
      }
      const std::vector<double> weights = probabilities(std::move(scores), layer, head);
      for (std::int64_t p = positions.first; p < positions.last; ++p) {
        const double weight = weights[static_cast<std::size_t>(p - positions.first)];
        for (std::int64_t c = 0; c < latents.columns(); ++c) {
          latents(r, c) += weight * past.values(p, c);
        }
      }
    }
    const Matrix<double> values = product(
        latents,
        weights_.at({WeightKind::latent_value, layer}).columns({head * value, (head + 1) * value}));
    for (std::int64_t r = 0; r < mixed.rows(); ++r) {
      std::ranges::copy(values.row(r), mixed.row(r).begin() + head * value);
    }
  }
  return mixed;
}

Matrix<double> ReferenceAttention::statistics(int step, int layer) {
  const Matrix<double>& x = input_(step, layer);
  const Matrix<double> queries = with_bias(x, WeightKind::query, WeightKind::query_bias, layer);
  const Matrix<double> keys = with_bias(x, WeightKind::key, WeightKind::key_bias, layer);
  Matrix<double> out(x.rows(), 2);
  for (std::int64_t r = 0; r < out.rows(); ++r) {
    out(r, 0) = sum_of_squares<double>(queries.row(r));
    out(r, 1) = sum_of_squares<double>(keys.row(r));
  }
  return out;
}

}  // namespace lockstep::numeric
