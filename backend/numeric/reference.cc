#include "backend/numeric/reference.h"

#include <cmath>

#include "backend/numeric/arithmetic.h"
#include "backend/numeric/router.h"
#include "sim/base/require.h"

namespace lockstep::numeric {

Reference::Reference(Weights& weights, const TokenTable& tokens,
                     std::vector<std::vector<LayerContents>> contents)
    : weights_(weights), tokens_(tokens), contents_(std::move(contents)) {}

int Reference::layers(int step) const {
  return static_cast<int>(contents_[static_cast<std::size_t>(step)].size());
}

const LayerContents& Reference::contents(int step, int layer) const {
  return contents_[static_cast<std::size_t>(step)][static_cast<std::size_t>(layer)];
}

const Matrix<double>& Reference::value(QuantityName name) {
  const auto found = values_.find(name);
  if (found != values_.end()) return found->second;
  return values_.emplace(name, compute(name)).first->second;
}

Matrix<double> Reference::compute(QuantityName name) {
  const auto [quantity, step, layer, index] = name;
  const auto normed = [&, s = step, l = layer]() -> const Matrix<double>& {
    return value({Quantity::norm, s, l, 1});
  };
  switch (quantity) {
    case Quantity::embedding:
      return embedding(step);
    case Quantity::stream:
      return stream(name);
    case Quantity::norm:
      return norm(name);
    case Quantity::attention:
      return attention(step, layer);
    case Quantity::dense:
      return gated_unit(normed(), {WeightKind::dense_gate, layer}, {WeightKind::dense_up, layer},
                        {WeightKind::dense_down, layer});
    case Quantity::router:
      return router(step, layer);
    case Quantity::routed:
      return routed(step, layer);
    case Quantity::shared:
      return gated_unit(normed(), {WeightKind::shared_gate, layer}, {WeightKind::shared_up, layer},
                        {WeightKind::shared_down, layer});
    case Quantity::statistics:
      return statistics(step, layer);
    case Quantity::bias:
      return bias(step, layer);
    case Quantity::logits:
      break;
  }
  const SharedMatrix head = weights_.get({WeightKind::lm_head});
  return product(value({Quantity::norm, step, 0, 2}), Block(*head));
}

Matrix<double> Reference::embedding(int step) {
  const SharedMatrix table = weights_.get({WeightKind::embedding});
  Matrix<double> out(tokens_.rows(step), table->columns());
  std::int64_t row = 0;
  for (const std::int64_t token : tokens_.tokens(step)) {
    const std::int64_t id = vocabulary_id(token, weights_.model().vocab_size, weights_.seed());
    std::ranges::copy(table->row(id), out.row(row++).begin());
  }
  return out;
}

Matrix<double> Reference::stream(QuantityName name) {
  const auto defined = streams_.find(name);
  if (defined != streams_.end()) return defined->second();
  const auto [quantity, step, layer, index] = name;
  HalfLayer half = HalfLayer::feed_forward;
  int of_layer = layer - 1;
  if (index == 1) {
    half = HalfLayer::attention;
    of_layer = layer;
  } else if (index == 2) {
    of_layer = layers(step) - 1;
  }
  if (of_layer < 0) return value({Quantity::embedding, step});
  const int index_before = half == HalfLayer::attention ? 0 : 1;
  Matrix<double> x = value({Quantity::stream, step, of_layer, index_before});
  add_scaled(x, contribution(step, of_layer, half), 1.0);
  return x;
}

Matrix<double> Reference::norm(QuantityName name) {
  const SharedMatrix gain = weights_.get({WeightKind::norm, name.layer, name.index});
  QuantityName stream = name;
  stream.quantity = Quantity::stream;
  return rms_norm(value(stream), gain->row(0), weights_.model().rms_norm_eps);
}

Matrix<double> Reference::heads(int step, int layer, WeightKind projection) {
  const SharedMatrix w = weights_.get({projection, layer});
  Matrix<double> out = product(value({Quantity::norm, step, layer, 0}), Block(*w));
  if (projection != WeightKind::value && contents(step, layer).heads_are_normed) {
    divide_by_rms(out, out.columns(), weights_.model().rms_norm_eps, [&](std::int64_t r) {
      return sum_of_squares(std::span<const double>(out.row(r)));
    });
  }
  return out;
}

Matrix<double> Reference::statistics(int step, int layer) {
  const Matrix<double>& input = value({Quantity::norm, step, layer, 0});
  Matrix<double> out(input.rows(), 2);
  for (const std::int64_t column : {0, 1}) {
    const WeightKind kind = column == 0 ? WeightKind::query : WeightKind::key;
    const SharedMatrix w = weights_.get({kind, layer});
    const Matrix<double> all = product(input, Block(*w));
    for (std::int64_t r = 0; r < out.rows(); ++r) out(r, column) = sum_of_squares(all.row(r));
  }
  return out;
}

Matrix<double> Reference::bias(int step, int layer) {
  const SharedMatrix bias = weights_.get({WeightKind::attention_bias, layer});
  Matrix<double> out(tokens_.rows(step), bias->columns());
  for (std::int64_t r = 0; r < out.rows(); ++r) {
    std::ranges::copy(bias->row(0), out.row(r).begin());
  }
  return out;
}

Matrix<double> Reference::cached(const TokenRun& run, int layer, WeightKind projection,
                                 WeightKind prefix) {
  Matrix<double> before;
  if (run.continues >= 0) {
    before = cached(tokens_.run(run.continues), layer, projection, prefix);
  } else {
    const SharedMatrix drawn = weights_.get({prefix, layer, run.first_token});
    before = Matrix<double>(std::min(run.prefix, kPrefixPositions), drawn->columns());
    for (std::int64_t r = 0; r < before.rows(); ++r) {
      std::ranges::copy(drawn->row(r), before.row(r).begin());
    }
  }
  const Matrix<double> projected = heads(run.step, layer, projection);
  Matrix<double> all(before.rows() + run.tokens, projected.columns());
  for (std::int64_t r = 0; r < all.rows(); ++r) {
    const bool old = r < before.rows();
    std::ranges::copy(old ? before.row(r) : projected.row(run.first_row + r - before.rows()),
                      all.row(r).begin());
  }
  return all;
}

Matrix<double> Reference::attention(int step, int layer) {
  const Matrix<double> queries = heads(step, layer, WeightKind::query);
  const std::int64_t width = head_width(weights_.model());
  Matrix<double> mixed(queries.rows(), queries.columns());
  for (const TokenRun& run : tokens_.runs()) {
    if (run.step != step) continue;
    const Matrix<double> keys = cached(run, layer, WeightKind::key, WeightKind::prefix_key);
    const Matrix<double> values = cached(run, layer, WeightKind::value, WeightKind::prefix_value);
    const std::int64_t before = keys.rows() - run.tokens;
    for (std::int64_t i = 0; i < run.tokens; ++i) {
      const std::int64_t row = run.first_row + i;
      for (std::int64_t head = 0; head + width <= queries.columns(); head += width) {
        std::vector<double> scores(static_cast<std::size_t>(before + i + 1), 0.0);
        for (std::size_t p = 0; p < scores.size(); ++p) {
          for (std::int64_t c = head; c < head + width; ++c) {
            scores[p] += queries(row, c) * keys(static_cast<std::int64_t>(p), c);
          }
          scores[p] /= std::sqrt(static_cast<double>(width));
        }
        softmax(std::span(scores));
        for (std::size_t p = 0; p < scores.size(); ++p) {
          for (std::int64_t c = head; c < head + width; ++c) {
            mixed(row, c) += scores[p] * values(static_cast<std::int64_t>(p), c);
          }
        }
      }
    }
  }
  const SharedMatrix out = weights_.get({WeightKind::attention_out, layer});
  return product(mixed, Block(*out));
}

Matrix<double> Reference::gated_unit(const Matrix<double>& x, WeightName gate, WeightName up,
                                     WeightName down) {
  const SharedMatrix wg = weights_.get(gate);
  const SharedMatrix wu = weights_.get(up);
  const SharedMatrix wd = weights_.get(down);
  Matrix<double> hidden = product(x, Block(*wg));
  const Matrix<double> ups = product(x, Block(*wu));
  for (std::int64_t r = 0; r < hidden.rows(); ++r) {
    for (std::int64_t c = 0; c < hidden.columns(); ++c) {
      hidden(r, c) = silu(hidden(r, c)) * ups(r, c);
    }
  }
  return product(hidden, Block(*wd));
}

Matrix<double> Reference::router(int step, int layer) {
  const Model& model = weights_.model();
  const SharedMatrix w = weights_.get({WeightKind::router, layer});
  Matrix<double> routing = product(value({Quantity::norm, step, layer, 1}), Block(*w));
  for (std::int64_t r = 0; r < routing.rows(); ++r) {
    const std::span<double> row = routing.row(r);
    std::vector<double> scores(row.begin(), row.end());
    score(scores, model);
    ExpertChoice choice = choose_experts(scores, model);
    const auto recorded = choices_.find({step, layer, r});
    const bool near_tie = choice.margin < kNearTie && recorded != choices_.end() &&
                          recorded->second.size() == choice.experts.size();
    if (near_tie) choice.experts = recorded->second;
    const std::vector<double> combine = combine_weights(scores, choice.experts, model);
    std::ranges::fill(row, 0.0);
    for (std::size_t i = 0; i < combine.size(); ++i) {
      row[static_cast<std::size_t>(choice.experts[i])] = combine[i];
    }
  }
  return routing;
}

Matrix<double> Reference::routed(int step, int layer) {
  const Matrix<double>& x = value({Quantity::norm, step, layer, 1});
  const Matrix<double>& routing = value({Quantity::router, step, layer, 0});
  Matrix<double> out(x.rows(), weights_.model().hidden_size);
  for (std::int64_t e = 0; e < routing.columns(); ++e) {
    std::vector<std::int64_t> rows;
    for (std::int64_t r = 0; r < x.rows(); ++r) {
      if (routing(r, e) != 0.0) rows.push_back(r);
    }
    if (rows.empty()) continue;
    const Matrix<double> y =
        gated_unit(gathered(x, rows), {WeightKind::expert_gate, layer, e},
                   {WeightKind::expert_up, layer, e}, {WeightKind::expert_down, layer, e});
    for (std::size_t i = 0; i < rows.size(); ++i) {
      for (std::int64_t c = 0; c < out.columns(); ++c) {
        out(rows[i], c) += routing(rows[i], e) * y(static_cast<std::int64_t>(i), c);
      }
    }
  }
  return out;
}

Matrix<double>& Reference::contribution(int step, int layer, HalfLayer half) {
  const HalfKey key{step, layer, half};
  const auto found = contributions_.find(key);
  if (found != contributions_.end()) return found->second;
  const LayerContents& adds = contents(step, layer);
  Matrix<double> sum(tokens_.rows(step), weights_.model().hidden_size);
  const auto& parts = half == HalfLayer::attention ? adds.attention : adds.feed_forward;
  for (const Quantity part : parts) add_scaled(sum, value({part, step, layer, 0}), 1.0);
  return contributions_.emplace(key, std::move(sum)).first->second;
}

void Reference::replace_contribution(int step, int layer, HalfLayer half, std::int64_t row,
                                     std::span<const double> actual) {
  std::ranges::copy(actual, contribution(step, layer, half).row(row).begin());
}

void Reference::replace_stream(QuantityName name, std::int64_t row,
                               std::span<const double> actual) {
  LOCKSTEP_ASSERT(name.quantity == Quantity::stream);
  const auto found = values_.find(name);
  if (found != values_.end()) std::ranges::copy(actual, found->second.row(row).begin());
}

void Reference::record_choice(const RouterChoice& choice) {
  choices_.try_emplace({choice.step, choice.layer, choice.row}, choice.experts);
}

}  // namespace lockstep::numeric
