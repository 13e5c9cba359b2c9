// What one rank computes beside attention: the shares of a block that it holds, in float32. A
// block's shares add up to the whole block (section 6.1 of the reference sheet). Every row given
// here is a real token's.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "backend/numeric/matrix.h"
#include "backend/numeric/shares.h"
#include "backend/numeric/storage.h"
#include "backend/numeric/weights.h"

namespace lockstep::numeric {

class Layers {
 public:
  // `weights` must outlive it. Results of products, activations and norms are kept in `storage`.
  explicit Layers(Weights& weights, Storage storage = Storage::float32)
      : weights_(weights), storage_(storage) {}

  // Embedding rows of vocabulary entries; the other shares' columns are zero. (Cutting the rows by
  // columns instead of the vocabulary gives the same sum, and no share of any token is empty.)
  Matrix<float> embedding(std::span<const std::int64_t> ids, Shares shares);
  // Likewise cut by columns; `index` as in WeightKind::norm.
  Matrix<float> norm(const Matrix<float>& x, int layer, int index, Shares shares);
  Matrix<float> dense(const Matrix<float>& x, int layer, Shares shares);
  // Times a sigmoid of the token where the model has a gate.
  Matrix<float> shared_expert(const Matrix<float>& x, int layer, Shares shares);
  // The combine weights: a row per token, a column per expert, zero where not chosen. Logits and
  // scores are not rounded to `storage`.
  Matrix<float> router(const Matrix<float>& x, int layer);
  // The sum over the experts [experts.first, experts.last), of each the columns `slice` of its
  // width, weighted by `routing`. An expert's bias behind the down projection comes with the first
  // slice.
  Matrix<float> experts(const Matrix<float>& x, const Matrix<float>& routing, int layer,
                        Interval experts, Shares slice);
  // Logits of the vocabulary entries `columns`.
  Matrix<float> lm_head(const Matrix<float>& x, Interval columns);

 private:
  // A gated feed-forward: three projections, and biases of an expert's where the model has them.
  struct GatedUnit {
    WeightName gate, up, down;
    bool has_bias = false;
  };
  Matrix<float> gated_unit(const Matrix<float>& x, const GatedUnit& unit, Interval columns);
  // x times some columns of gate or up, with their bias.
  Matrix<float> widened(const Matrix<float>& x, WeightName projection, WeightKind bias,
                        const GatedUnit& unit, Interval columns);
  Matrix<float> expert(const Matrix<float>& x, int layer, std::int64_t expert, Shares slice);

  Weights& weights_;
  Storage storage_;
};

}  // namespace lockstep::numeric
