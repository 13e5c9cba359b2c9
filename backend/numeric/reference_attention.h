// Attention of the reference: all heads on whole weights, in float64, token by token. It shares no
// code with what a rank computes (attention.h) beyond elementwise functions.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <utility>
#include <vector>

#include "backend/numeric/matrix.h"
#include "backend/numeric/tokens.h"
#include "backend/numeric/weights.h"

namespace lockstep::numeric {

class ReferenceAttention {
 public:
  // The normed rows of a step before the attention of a layer, and whether queries and keys are
  // normed over all heads there.
  using Input = std::function<const Matrix<double>&(int step, int layer)>;
  using NormsAllHeads = std::function<bool(int step, int layer)>;

  // `weights` and `tokens` must outlive it.
  ReferenceAttention(Weights& weights, const TokenTable& tokens, Input input,
                     NormsAllHeads norms_all_heads)
      : weights_(weights),
        tokens_(tokens),
        input_(std::move(input)),
        norms_all_heads_(std::move(norms_all_heads)) {}

  // A row per token of the step: all heads, times the output projection, without its bias.
  Matrix<double> value(int step, int layer);
  // Sums of squares over all heads: of queries, of keys.
  Matrix<double> statistics(int step, int layer);

 private:
  // What each token of a step asks and what a cache keeps of it: keys and values, or the rotary key
  // and the normed latent. Not yet turned.
  struct Rows {
    Matrix<double> queries, keys, values;
  };
  // The same of one request up to some step, turned: its cached prefix, then its own tokens.
  struct History {
    Matrix<double> keys, values;
  };

  const Rows& rows(int step, int layer);
  Rows grouped_rows(int step, int layer);
  Rows latent_rows(int step, int layer);
  Matrix<double> with_bias(const Matrix<double>& x, WeightKind projection, WeightKind bias,
                           int layer);
  void norm(Matrix<double>& heads, WeightKind gains, int layer, bool over_all);
  const History& history(int run, int layer);
  History before(int run, int layer);
  Matrix<double> turned(Matrix<double> rows, std::int64_t first, std::int64_t stride,
                        std::int64_t offset);
  // What the heads of one request mix, a row per new token.
  Matrix<double> grouped(int run, int layer);
  Matrix<double> latent(int run, int layer);
  Matrix<double> turned_queries(int run, int layer);
  // The weights of the positions that a token sees, from their scores.
  std::vector<double> probabilities(std::vector<double> scores, int layer, std::int64_t head);
  Interval seen(std::int64_t position, int layer) const;

  Weights& weights_;
  const TokenTable& tokens_;
  Input input_;
  NormsAllHeads norms_all_heads_;
  std::map<std::pair<int, int>, Rows> rows_;          // by step and layer
  std::map<std::pair<int, int>, History> histories_;  // by run and layer
};

}  // namespace lockstep::numeric
