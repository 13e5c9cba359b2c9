// Attention and feed-forwards of one request as their formulas say, number by number and without a
// cache: what both the ranks' arithmetic and the reference are held against.
#pragma once

#include <vector>

#include "backend/numeric/weights.h"

namespace lockstep::test {

using Row = std::vector<double>;
using Rows = std::vector<Row>;  // one per token

Rows rows_of(const numeric::Matrix<double>& x);
numeric::Matrix<double> matrix_of(const Rows& rows);

// x times one whole weight matrix.
Row times(const Row& x, numeric::Weights& weights, numeric::WeightName name);

// The attention of request 0 behind `prefix` drawn positions.
Rows plain_attention(numeric::Weights& weights, int layer, const Rows& x, int prefix,
                     bool norms_all_heads);

// The shared experts of a token; and one routed expert.
Row plain_shared(numeric::Weights& weights, int layer, const Row& x);
Row plain_expert(numeric::Weights& weights, int layer, int expert, const Row& x);

}  // namespace lockstep::test
