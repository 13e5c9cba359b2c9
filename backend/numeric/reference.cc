#include "backend/numeric/reference.h"

#include <cmath>
#include <limits>

#include "backend/numeric/arithmetic.h"
#include "backend/numeric/router.h"
#include "sim/base/require.h"

namespace lockstep::numeric {

Reference::Reference(Weights& weights, const TokenTable& tokens,
                     std::vector<std::vector<LayerContents>> contents, double near_tie)
    : weights_(weights),
      tokens_(tokens),
      contents_(std::move(contents)),
      near_tie_(near_tie),
      attention_(
          weights, tokens,
          [this](int step, int layer) -> const Matrix<double>& {
            return value({Quantity::norm, step, layer, 0});
          },
          [this](int step, int layer) { return this->contents(step, layer).heads_are_normed; }) {}

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
      return attention_.value(step, layer);
    case Quantity::dense:
      return gated_unit(normed(), {WeightKind::dense_gate, layer}, {WeightKind::dense_up, layer},
                        {WeightKind::dense_down, layer});
    case Quantity::router:
      return router(step, layer);
    case Quantity::routed:
      return routed(step, layer);
    case Quantity::shared:
      return shared(step, layer);
    case Quantity::statistics:
      return attention_.statistics(step, layer);
    case Quantity::bias:
      return bias(step, layer);
    case Quantity::logits:
      break;
  }
  return product(value({Quantity::norm, step, 0, 2}), weights_.at({WeightKind::lm_head}));
}

Matrix<double> Reference::embedding(int step) {
  const WeightBlock table = weights_.at({WeightKind::embedding});
  Matrix<double> out(tokens_.rows(step), table.column_count());
  std::int64_t row = 0;
  for (const std::int64_t token : tokens_.tokens(step)) {
    const std::int64_t id = vocabulary_id(token, weights_.model().vocab_size, weights_.seed());
    std::ranges::copy(table.rows({id, id + 1}).row(), out.row(row++).begin());
  }
  return out;
}

Matrix<double> Reference::stream(QuantityName name) {
  const auto [quantity, step, layer, index] = name;
  const auto defined = streams_.find(name);
  if (defined != streams_.end()) {
    // A program may say that a stream rests on itself. Nothing is right there; this ends.
    if (!in_progress_.insert(name).second) return value({Quantity::embedding, step});
    Matrix<double> stream = defined->second();
    in_progress_.erase(name);
    const std::int64_t rows = tokens_.rows(step);
    const std::int64_t hidden = weights_.model().hidden_size;
    if (stream.rows() == rows && stream.columns() == hidden) return stream;
    return {rows, hidden, std::numeric_limits<double>::quiet_NaN()};  // it is no stream
  }
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
  const std::vector<float> gain = weights_.at({WeightKind::norm, name.layer, name.index}).row();
  QuantityName stream = name;
  stream.quantity = Quantity::stream;
  return rms_norm(value(stream), gain, weights_.model().rms_norm_eps);
}

Matrix<double> Reference::bias(int step, int layer) {
  Matrix<double> out(tokens_.rows(step), weights_.model().hidden_size);
  add_to_rows(out, weights_.at({WeightKind::attention_bias, layer}).row());
  return out;
}

Matrix<double> Reference::gated_unit(const Matrix<double>& x, WeightName gate, WeightName up,
                                     WeightName down) {
  Matrix<double> hidden = product(x, weights_.at(gate));
  const Matrix<double> ups = product(x, weights_.at(up));
  for (std::int64_t r = 0; r < hidden.rows(); ++r) {
    for (std::int64_t c = 0; c < hidden.columns(); ++c) {
      hidden(r, c) = gated(hidden(r, c), ups(r, c), 0.0);
    }
  }
  return product(hidden, weights_.at(down));
}

// Shared experts see every token, each weighted by the sigmoid of x . w where there is a gate.
Matrix<double> Reference::shared(int step, int layer) {
  const Matrix<double>& x = value({Quantity::norm, step, layer, 1});
  Matrix<double> y = gated_unit(x, {WeightKind::shared_gate, layer}, {WeightKind::shared_up, layer},
                                {WeightKind::shared_down, layer});
  if (!weights_.model().shared_expert_gate) return y;
  const Matrix<double> gate = product(x, weights_.at({WeightKind::shared_expert_gate, layer}));
  for (std::int64_t r = 0; r < y.rows(); ++r) {
    for (double& v : y.row(r)) v *= sigmoid(gate(r, 0));
  }
  return y;
}

Matrix<double> Reference::router(int step, int layer) {
  const Model& model = weights_.model();
  const RouterBiases biases = router_biases(weights_, layer);
  Matrix<double> routing =
      product(value({Quantity::norm, step, layer, 1}), weights_.at({WeightKind::router, layer}));
  if (!biases.logits.empty()) add_to_rows(routing, biases.logits);
  for (std::int64_t r = 0; r < routing.rows(); ++r) {
    const std::span<double> row = routing.row(r);
    std::vector<double> scores(row.begin(), row.end());
    score(scores, model);
    ExpertChoice choice = choose_experts(ranking(scores, biases), model);
    const auto recorded = choices_.find({step, layer, r});
    const bool near_tie = choice.margin < near_tie_ && recorded != choices_.end() &&
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

Matrix<double> Reference::expert(const Matrix<double>& x, int layer, std::int64_t index) {
  const Model& model = weights_.model();
  const auto projected = [&](const Matrix<double>& from, WeightKind kind, WeightKind bias) {
    Matrix<double> to = product(from, weights_.at({kind, layer, index}));
    if (model.expert_bias) add_to_rows(to, weights_.at({bias, layer, index}).row());
    return to;
  };
  Matrix<double> hidden = projected(x, WeightKind::expert_gate, WeightKind::expert_gate_bias);
  const Matrix<double> ups = projected(x, WeightKind::expert_up, WeightKind::expert_up_bias);
  for (std::int64_t r = 0; r < hidden.rows(); ++r) {
    for (std::int64_t c = 0; c < hidden.columns(); ++c) {
      hidden(r, c) = gated(hidden(r, c), ups(r, c), model.swiglu_limit);
    }
  }
  return projected(hidden, WeightKind::expert_down, WeightKind::expert_down_bias);
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
    const Matrix<double> y = expert(gathered(x, rows), layer, e);
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
