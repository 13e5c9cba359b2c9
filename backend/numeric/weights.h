// The weights of a model, drawn from a counter-based hash: any element is known from its name, row
// and column alone, so that a slice equals the slice of the whole. Every value is exact in bfloat16
// (an odd multiple of 2^-7 below 1, times a power of two; a norm's gain a multiple of 2^-7), and no
// floating-point function is involved: the same bits on every machine.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <utility>

#include "backend/numeric/matrix.h"
#include "sim/model/model.h"

namespace lockstep::numeric {

enum class WeightKind : std::uint8_t {
  embedding,  // vocabulary x hidden
  norm,       // 1 x hidden; index: 0 before attention, 1 before feed-forward, 2 final
  query,      // hidden x (heads * head width); likewise key, value
  key,
  value,
  attention_out,  // (heads * head width) x hidden
  dense_gate,     // hidden x intermediate; likewise up
  dense_up,
  dense_down,   // intermediate x hidden
  router,       // hidden x experts
  expert_gate,  // hidden x expert width; index: the expert; likewise up
  expert_up,
  expert_down,  // expert width x hidden
  shared_gate,  // hidden x (shared experts * expert width); likewise up
  shared_up,
  shared_down,
  lm_head,         // hidden x vocabulary
  prefix_key,      // kPrefixPositions x (heads * head width); index: the request. What the cache
  prefix_value,    // holds of tokens that no step of the plan has computed
  attention_bias,  // 1 x hidden, of the output projection
  projection,      // of a program's linear; index: the term, layer: the share. Weights::projection
};

struct WeightName {
  WeightKind kind = WeightKind::embedding;
  int layer = 0;
  std::int64_t index = 0;
  auto operator<=>(const WeightName&) const = default;
};

// Cached positions that a request attends to, at most: enough to make the cache count.
inline constexpr std::int64_t kPrefixPositions = 8;

using SharedMatrix = std::shared_ptr<const Matrix<float>>;

// Widths that follow from the model. Attention is plain multi-head attention with one width for
// queries, keys and values (head_dim, or v_head_dim where there is none); low-rank projections and
// rotary positions are left out, since a sum over heads is what is communicated.
std::int64_t head_width(const Model& model);
std::int64_t attention_width(const Model& model);  // heads * head width
std::int64_t shared_width(const Model& model);     // of all shared experts together
std::int64_t vocabulary(const Model& model);       // padded to a multiple of 64

class Weights {
 public:
  Weights(Model model, std::uint64_t seed) : model_(std::move(model)), seed_(seed) {}

  // The whole matrix; kept for the next time while the budget lasts.
  // REQUIRES: it is no projection.
  SharedMatrix get(WeightName name);
  // The matrix by which a program's linear multiplies: rows in, columns out.
  SharedMatrix projection(std::int64_t term, int share, std::int64_t rows, std::int64_t columns);
  const Model& model() const { return model_; }
  std::uint64_t seed() const { return seed_; }

 private:
  struct Shape {
    std::int64_t rows = 0;
    std::int64_t columns = 0;
    auto operator<=>(const Shape&) const = default;
  };
  static Shape shape_of(const Model& model, WeightKind kind);
  static Matrix<float> generate(std::uint64_t seed, const WeightName& name, Shape shape);
  SharedMatrix kept(const WeightName& name, Shape shape);

  Model model_;
  std::uint64_t seed_;
  std::map<std::pair<WeightName, Shape>, SharedMatrix> cache_;
  std::size_t cached_bytes_ = 0;
};

}  // namespace lockstep::numeric
