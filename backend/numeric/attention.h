// Attention as one rank computes it, in any backend's arithmetic (host_arithmetic.h): the heads of
// its shares, times their rows of the output projection. Shares add up to the whole. Grouped heads
// (attention_grouped.h) or latent ones (MLA, attention_latent.h).
#pragma once

#include <cstdint>

#include "backend/numeric/host_arithmetic.h"
#include "backend/numeric/shares.h"
#include "backend/numeric/weights.h"

namespace lockstep::numeric {

// What a rank's cache holds of one request, a row per position: keys, turned to their positions,
// and values of the rank's key/value heads. With MLA the one rotary key that all heads share, and
// the normed latent: the same on every rank.
template <class Values>
struct BasicKeyValue {
  Values keys;
  Values values;
};

template <class Arithmetic>
class BasicAttention {
 public:
  using Values = typename Arithmetic::Values;
  using KeyValue = BasicKeyValue<Values>;

  explicit BasicAttention(const Arithmetic& arithmetic) : a_(arithmetic) {}

  // The first positions that a request finds in its cache if no step computed them.
  KeyValue synthetic_prefix(std::int64_t request, std::int64_t positions, int layer, Shares heads);
  // A cache of `positions` in which nobody has written.
  KeyValue undefined_prefix(std::int64_t positions, Shares heads) const;

  // Causal attention of one request's new tokens to `cache` and themselves. Appends to `cache`. A
  // token's position is the number of cached ones before it. With `statistics` (of all heads; null:
  // none) queries and keys are normed over all heads. REQUIRES: a row of statistics per token.
  Values attention(const Values& x, int layer, Shares heads, KeyValue& cache,
                   const Values* statistics = nullptr);
  // A row per token: the sums of squares of the shares' queries and of their keys. A key/value head
  // that g query heads read counts 1/g for each of them, so that the shares add up to the whole.
  Values qk_statistics(const Values& x, int layer, Shares heads);
  // The bias of the output projection, in each of `rows` rows.
  Values output_bias(std::int64_t rows, int layer);

 private:
  // Queries, keys and values of some heads, a row per position.
  struct Parts {
    Values queries;
    KeyValue all;
    HeadPlaces heads;
  };

  Parts grouped(const Values& x, int layer, Shares heads, KeyValue& cache,
                const Values* statistics);
  Parts latent(const Values& x, int layer, Shares shares, KeyValue& cache);
  Values latent_queries(const Values& x, int layer, const Heads& heads);

  WeightBlock at(WeightKind kind, int layer, std::int64_t index = 0) const {
    return a_.weights().at({kind, layer, index});
  }
  Values projected(const Values& x, WeightKind kind, int layer, Interval columns);
  // With the model's bias, if it has one.
  Values projected(const Values& x, WeightKind kind, WeightKind bias, int layer, Interval columns);

  Arithmetic a_;
};

using KeyValue = BasicKeyValue<HostArithmetic::Values>;
using Attention = BasicAttention<HostArithmetic>;
extern template class BasicAttention<HostArithmetic>;

}  // namespace lockstep::numeric
