// What one rank computes: the shares of a block that it holds, in float32. A block's shares add up
// to the whole block (section 6.1 of the reference sheet). Every row given here is a real token's.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "backend/numeric/matrix.h"
#include "backend/numeric/weights.h"

namespace lockstep::numeric {

// The shares [first, last) of `of`.
struct Shares {
  int first = 0;
  int last = 1;
  int of = 1;
};

// The indices that the shares cover where `count` columns or heads are cut evenly: share i has
// [floor(count * i / of), floor(count * (i + 1) / of)).
Interval cut(std::int64_t count, Shares shares);

// What a rank's cache holds of one request: a row per position, the columns of the rank's heads.
struct KeyValue {
  Matrix<float> keys;
  Matrix<float> values;
};

class Layers {
 public:
  explicit Layers(Weights& weights) : weights_(weights) {}

  // Embedding rows of vocabulary entries; the other shares' columns are zero. (Cutting the rows by
  // columns instead of the vocabulary gives the same sum, and no share of any token is empty.)
  Matrix<float> embedding(std::span<const std::int64_t> ids, Shares shares);
  // Likewise cut by columns; `index` as in WeightKind::norm.
  Matrix<float> norm(const Matrix<float>& x, int layer, int index, Shares shares);
  // The first positions that a request finds in its cache if no step computed them.
  KeyValue synthetic_prefix(std::int64_t request, std::int64_t positions, int layer, Shares heads);
  // A row per token: the sums of squares of the heads' queries and of their keys.
  Matrix<float> qk_statistics(const Matrix<float>& x, int layer, Shares heads);
  // The bias of the attention's output projection, in each of `rows` rows.
  Matrix<float> attention_bias(std::int64_t rows, int layer);
  // Causal attention of one request's new tokens to `cache` and themselves, times the rows of the
  // output projection that belong to the heads. Appends the new keys and values to `cache`. With
  // `statistics` (qk_statistics of all heads, null: none) queries and keys are normed over them.
  Matrix<float> attention(const Matrix<float>& x, int layer, Shares heads, KeyValue& cache,
                          const Matrix<float>* statistics = nullptr);
  Matrix<float> dense(const Matrix<float>& x, int layer, Shares shares);
  Matrix<float> shared_expert(const Matrix<float>& x, int layer, Shares shares);
  // The combine weights: a row per token, a column per expert, zero where not chosen.
  Matrix<float> router(const Matrix<float>& x, int layer);
  // The sum over the experts [experts.first, experts.last), of each the columns `slice` of its
  // width, weighted by `routing`.
  Matrix<float> experts(const Matrix<float>& x, const Matrix<float>& routing, int layer,
                        Interval experts, Shares slice);
  // Logits of the vocabulary entries `columns`.
  Matrix<float> lm_head(const Matrix<float>& x, Interval columns);

 private:
  Interval columns_of(Shares heads) const;
  Matrix<float> projected(const Matrix<float>& x, WeightKind kind, int layer, Interval columns);
  struct GatedUnit {
    WeightName gate, up, down;
  };
  Matrix<float> gated_unit(const Matrix<float>& x, const GatedUnit& unit, Interval columns);

  Weights& weights_;
};

}  // namespace lockstep::numeric
