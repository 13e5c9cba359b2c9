// The reference: what the model computes, in float64, on whole weights and all tokens of a step. It
// is built from model, tokens and weights alone and knows neither ranks nor plans.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <span>
#include <tuple>
#include <utility>
#include <vector>

#include "backend/numeric/matrix.h"
#include "backend/numeric/reference_attention.h"
#include "backend/numeric/tokens.h"
#include "backend/numeric/weights.h"

namespace lockstep::numeric {

enum class Quantity : std::uint8_t {
  embedding,
  stream,  // the residual stream; index: 0 before attention, 1 before feed-forward, 2 at the end
  norm,    // RMS norm of the stream at the same index
  attention,
  dense,
  router,
  routed,
  shared,
  logits,
  statistics,  // sums of squares over all heads: of queries, of keys
  bias,        // of the attention's output projection
};

// One quantity of one step. `layer` counts for those inside a layer.
struct QuantityName {
  Quantity quantity = Quantity::embedding;
  int step = 0;
  int layer = 0;
  int index = 0;
  auto operator<=>(const QuantityName&) const = default;
};

enum class HalfLayer : std::uint8_t { attention, feed_forward };

// What one layer adds to the stream: usually an attention, and a dense feed-forward or routed and
// shared experts. A hand-written program may leave any of it out.
struct LayerContents {
  std::vector<Quantity> attention;
  std::vector<Quantity> feed_forward;
  bool heads_are_normed = false;  // queries and keys are divided by their RMS over all heads
};

// What a router chose for a row of a step.
struct RouterChoice {
  int step = 0;
  int layer = 0;
  std::int64_t row = 0;
  std::vector<int> experts;  // ascending
};

class Reference {
 public:
  // `contents` by step, then layer. `weights` and `tokens` must outlive the reference. `near_tie`:
  // how near to another one a router's choice may be, relatively, for rounding to decide it.
  Reference(Weights& weights, const TokenTable& tokens,
            std::vector<std::vector<LayerContents>> contents, double near_tie = 1e-4);
  Reference(const Reference&) = delete;
  Reference& operator=(const Reference&) = delete;

  // The stream `name` is what `value` says, not what the layers add: a program adds to it.
  void define_stream(QuantityName name, const std::function<Matrix<double>()>& value) {
    streams_.try_emplace(name, value);
  }

  // A row per token of the step (TokenTable::rows). Computed once.
  const Matrix<double>& value(QuantityName name);

  // From here on the stream continues from what was really added: `row` of the step's contribution
  // of half a layer is `actual` instead of the reference's. Without effect once the stream behind
  // it has been asked for.
  void replace_contribution(int step, int layer, HalfLayer half, std::int64_t row,
                            std::span<const double> actual);
  // Likewise for the stream itself: `row` of it is `actual`, which rounding has moved. `name` must
  // be a stream that has been asked for; without effect on what was computed from it before.
  void replace_stream(QuantityName name, std::int64_t row, std::span<const double> actual);
  // What the real router chose for a row. The reference takes it where its own choice is nearer
  // than `near_tie` to being another, since rounding may then decide.
  void record_choice(const RouterChoice& choice);

 private:
  using HalfKey = std::tuple<int, int, HalfLayer>;

  Matrix<double> compute(QuantityName name);
  Matrix<double> embedding(int step);
  Matrix<double> stream(QuantityName name);
  Matrix<double> norm(QuantityName name);
  Matrix<double> bias(int step, int layer);
  const LayerContents& contents(int step, int layer) const;
  Matrix<double> router(int step, int layer);
  Matrix<double> routed(int step, int layer);
  Matrix<double> shared(int step, int layer);
  Matrix<double> expert(const Matrix<double>& x, int layer, std::int64_t index);
  Matrix<double> gated_unit(const Matrix<double>& x, WeightName gate, WeightName up,
                            WeightName down);
  Matrix<double>& contribution(int step, int layer, HalfLayer half);
  int layers(int step) const;

  Weights& weights_;
  const TokenTable& tokens_;
  std::vector<std::vector<LayerContents>> contents_;
  double near_tie_;
  ReferenceAttention attention_;
  std::map<QuantityName, std::function<Matrix<double>()>> streams_;
  std::set<QuantityName> in_progress_;  // of streams_
  std::map<QuantityName, Matrix<double>> values_;
  std::map<HalfKey, Matrix<double>> contributions_;
  std::map<std::tuple<int, int, std::int64_t>, std::vector<int>> choices_;
};

}  // namespace lockstep::numeric
