#include "backend/numeric/weights.h"

#include <algorithm>

#include "sim/base/random.h"

namespace lockstep::numeric {
namespace {

constexpr std::size_t kBudgetBytes = std::size_t{2} << 30;

// The power of two nearest below 2 / sqrt(rows), so that a product keeps the size of its input.
float product_scale(std::int64_t rows) {
  float scale = 2.0F;
  for (std::int64_t r = rows; r >= 4; r /= 4) scale /= 2.0F;
  return scale;
}

float scale_of(WeightKind kind, std::int64_t rows) {
  const bool multiplies = kind != WeightKind::embedding && kind != WeightKind::prefix_key &&
                          kind != WeightKind::prefix_value && kind != WeightKind::attention_bias;
  return multiplies ? product_scale(rows) : 1.0F;
}

// An odd multiple of 2^-7 in (-1, 1): never zero, so that no product hides a missing share.
float signed_fraction(std::uint64_t bits) {
  const auto odd = static_cast<float>(2 * (bits & 63U) + 1);
  return ((bits & 64U) != 0 ? -odd : odd) / 128.0F;
}

// A multiple of 2^-7 in [1/2, 3/2).
float gain(std::uint64_t bits) { return 0.5F + static_cast<float>(bits & 127U) / 128.0F; }

}  // namespace

std::int64_t head_width(const Model& model) {
  if (model.head_dim > 0) return model.head_dim;
  if (model.v_head_dim > 0) return model.v_head_dim;
  return std::max(1, model.hidden_size / std::max(1, model.num_attention_heads));
}

std::int64_t attention_width(const Model& model) {
  return std::max(0, model.num_attention_heads) * head_width(model);
}

std::int64_t shared_width(const Model& model) {
  if (model.shared_expert_intermediate_size > 0) return model.shared_expert_intermediate_size;
  return std::int64_t{model.n_shared_experts} * model.moe_intermediate_size;
}

std::int64_t vocabulary(const Model& model) {
  constexpr std::int64_t kPadding = 64;
  return (std::int64_t{model.vocab_size} + kPadding - 1) / kPadding * kPadding;
}

Weights::Shape Weights::shape_of(const Model& m, WeightKind kind) {
  const std::int64_t hidden = m.hidden_size;
  switch (kind) {
    case WeightKind::embedding:
      return {vocabulary(m), hidden};
    case WeightKind::norm:
      return {1, hidden};
    case WeightKind::query:
    case WeightKind::key:
    case WeightKind::value:
      return {hidden, attention_width(m)};
    case WeightKind::attention_out:
      return {attention_width(m), hidden};
    case WeightKind::dense_gate:
    case WeightKind::dense_up:
      return {hidden, m.intermediate_size};
    case WeightKind::dense_down:
      return {m.intermediate_size, hidden};
    case WeightKind::router:
      return {hidden, m.n_routed_experts};
    case WeightKind::expert_gate:
    case WeightKind::expert_up:
      return {hidden, m.moe_intermediate_size};
    case WeightKind::expert_down:
      return {m.moe_intermediate_size, hidden};
    case WeightKind::shared_gate:
    case WeightKind::shared_up:
      return {hidden, shared_width(m)};
    case WeightKind::shared_down:
      return {shared_width(m), hidden};
    case WeightKind::lm_head:
      return {hidden, vocabulary(m)};
    case WeightKind::prefix_key:
    case WeightKind::prefix_value:
      return {kPrefixPositions, attention_width(m)};
    case WeightKind::attention_bias:
      return {1, hidden};
    case WeightKind::projection:
      break;
  }
  return {};
}

Matrix<float> Weights::generate(std::uint64_t seed, const WeightName& name, Shape shape) {
  const float scale = scale_of(name.kind, shape.rows);
  std::uint64_t key = mix64(seed ^ static_cast<std::uint64_t>(name.kind));
  key = mix64(key ^ static_cast<std::uint64_t>(name.layer));
  key = mix64(key ^ static_cast<std::uint64_t>(name.index));
  Matrix<float> w(shape.rows, shape.columns);
  for (std::int64_t r = 0; r < shape.rows; ++r) {
    const std::uint64_t row_key = key ^ (static_cast<std::uint64_t>(r) << 32);
    std::uint64_t column = 0;
    for (float& element : w.row(r)) {
      const std::uint64_t bits = mix64(row_key ^ column++);
      element = name.kind == WeightKind::norm ? gain(bits) : scale * signed_fraction(bits);
    }
  }
  return w;
}

SharedMatrix Weights::get(WeightName name) { return kept(name, shape_of(model_, name.kind)); }

SharedMatrix Weights::projection(std::int64_t term, int share, std::int64_t rows,
                                 std::int64_t columns) {
  return kept({WeightKind::projection, share, term}, {rows, columns});
}

SharedMatrix Weights::kept(const WeightName& name, Shape shape) {
  const std::pair key{name, shape};
  const auto found = cache_.find(key);
  if (found != cache_.end()) return found->second;
  auto made = std::make_shared<const Matrix<float>>(generate(seed_, name, shape));
  const std::size_t bytes =
      static_cast<std::size_t>(made->rows() * made->columns()) * sizeof(float);
  if (cached_bytes_ + bytes > kBudgetBytes) {
    cache_.clear();
    cached_bytes_ = 0;
  }
  cached_bytes_ += bytes;
  cache_.emplace(key, made);
  return made;
}

}  // namespace lockstep::numeric
