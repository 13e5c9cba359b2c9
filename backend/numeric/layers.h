// What one rank computes beside attention, in any backend's arithmetic (host_arithmetic.h): the
// shares of a block that it holds. A block's shares add up to the whole block (section 6.1 of the
// reference sheet). Every row given here is a real token's.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "backend/numeric/gated_unit.h"
#include "backend/numeric/host_arithmetic.h"
#include "backend/numeric/matrix.h"
#include "backend/numeric/shares.h"
#include "backend/numeric/weights.h"

namespace lockstep::numeric {

template <class Arithmetic>
class BasicLayers {
 public:
  using Values = typename Arithmetic::Values;

  explicit BasicLayers(const Arithmetic& arithmetic) : a_(arithmetic) {}

  // Embedding rows of vocabulary entries; the other shares' columns are zero. (Cutting the rows by
  // columns instead of the vocabulary gives the same sum, and no share of any token is empty.)
  Values embedding(std::span<const std::int64_t> ids, Shares shares);
  // Likewise cut by columns; `index` as in WeightKind::norm.
  Values norm(const Values& x, int layer, int index, Shares shares);
  Values dense(const Values& x, int layer, Shares shares);
  // Times a sigmoid of the token where the model has a gate.
  Values shared_expert(const Values& x, int layer, Shares shares);
  // The combine weights: a row per token, a column per expert, zero where not chosen. Logits and
  // scores are unrounded.
  Values router(const Values& x, int layer);
  // The sum over the experts [experts.first, experts.last), of each the columns `slice` of its
  // width, weighted by `routing`. An expert's bias behind the down projection comes with the first
  // slice.
  Values experts(const Values& x, const Values& routing, int layer, Interval experts, Shares slice);
  // Logits of the vocabulary entries `columns`.
  Values lm_head(const Values& x, Interval columns);

 private:
  WeightBlock at(WeightKind kind, int layer = 0, std::int64_t index = 0) const {
    return a_.weights().at({kind, layer, index});
  }

  Arithmetic a_;
};

using Layers = BasicLayers<HostArithmetic>;
extern template class BasicLayers<HostArithmetic>;

}  // namespace lockstep::numeric
