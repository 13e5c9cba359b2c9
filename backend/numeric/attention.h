// Attention as one rank computes it, in float32: the heads of its shares, times their rows of the
// output projection. Shares add up to the whole. Grouped heads (attention_grouped.cc) or latent
// ones (MLA, attention_latent.cc).
#pragma once

#include <cstdint>

#include "backend/numeric/matrix.h"
#include "backend/numeric/shares.h"
#include "backend/numeric/storage.h"
#include "backend/numeric/weights.h"

namespace lockstep::numeric {

// What a rank's cache holds of one request, a row per position: keys, turned to their positions,
// and values of the rank's key/value heads. With MLA the one rotary key that all heads share, and
// the normed latent: the same on every rank.
struct KeyValue {
  Matrix<float> keys;
  Matrix<float> values;
};

class Attention {
 public:
  // `weights` must outlive it.
  explicit Attention(Weights& weights, Storage storage = Storage::float32)
      : weights_(weights), storage_(storage) {}

  // The first positions that a request finds in its cache if no step computed them.
  KeyValue synthetic_prefix(std::int64_t request, std::int64_t positions, int layer, Shares heads);
  // A cache of `positions` in which nobody has written.
  KeyValue undefined_prefix(std::int64_t positions, Shares heads) const;

  // Causal attention of one request's new tokens to `cache` and themselves. Appends to `cache`. A
  // token's position is the number of cached ones before it. With `statistics` (of all heads; null:
  // none) queries and keys are normed over all heads. REQUIRES: a row of statistics per token.
  Matrix<float> attention(const Matrix<float>& x, int layer, Shares heads, KeyValue& cache,
                          const Matrix<float>* statistics = nullptr);
  // A row per token: the sums of squares of the shares' queries and of their keys. A key/value head
  // that g query heads read counts 1/g for each of them, so that the shares add up to the whole.
  Matrix<float> qk_statistics(const Matrix<float>& x, int layer, Shares heads);
  // The bias of the output projection, in each of `rows` rows.
  Matrix<float> output_bias(std::int64_t rows, int layer);

 private:
  // Queries, keys and values of some heads, a row per position.
  struct Parts {
    Matrix<float> queries;
    KeyValue all;
    std::int64_t group = 1;        // query heads per head of keys and values
    std::int64_t first_query = 0;  // that the first head of the queries is, and
    std::int64_t first_kv = 0;     // that of keys and values
  };

  Parts grouped(const Matrix<float>& x, int layer, Shares heads, KeyValue& cache,
                const Matrix<float>* statistics);
  Parts latent(const Matrix<float>& x, int layer, Shares shares, KeyValue& cache);
  Matrix<float> latent_queries(const Matrix<float>& x, int layer, const Heads& heads);

  Matrix<float> projected(const Matrix<float>& x, WeightKind kind, int layer, Interval columns);
  Matrix<float> with_bias(Matrix<float> x, WeightKind bias, int layer, Interval columns);
  void norm_by_head(Matrix<float>& x, WeightKind gains, int layer);
  void norm_over_all(Matrix<float>& x, WeightKind gains, int layer, Interval columns,
                     const Matrix<float>& statistics, std::int64_t statistic);
  // Turns `width` elements of every `stride`, `offset` behind its start.
  void turn(Matrix<float>& x, std::int64_t stride, std::int64_t offset,
            std::int64_t first_position);
  // Each token's heads: softmax(q . k / sqrt(width)) over the positions that it sees, times v.
  Matrix<float> mixed(const Parts& parts, int layer);

  Weights& weights_;
  Storage storage_;
};

}  // namespace lockstep::numeric
