#include "backend/numeric/weights.h"

#include <algorithm>
#include <array>
#include <bit>

#include "sim/base/random.h"
#include "sim/base/require.h"

namespace lockstep::numeric {
namespace {

constexpr std::int64_t kLargestKept = std::int64_t{1} << 22;  // 16 MiB
constexpr std::int64_t kMostKept = std::int64_t{1} << 28;     // 1 GiB
constexpr std::int64_t kElementsOfTile = std::int64_t{1} << 19;

// The power of two nearest below 2 / sqrt(rows), so that a product keeps the size of its input.
float product_scale(std::int64_t rows) {
  float scale = 2.0F;
  for (std::int64_t r = rows; r >= 4; r /= 4) scale /= 2.0F;
  return scale;
}

bool is_gain(WeightKind kind) {
  switch (kind) {
    case WeightKind::norm:
    case WeightKind::query_norm:
    case WeightKind::key_norm:
    case WeightKind::query_latent_norm:
    case WeightKind::latent_norm:
    case WeightKind::correction_bias:
      return true;
    default:
      return false;
  }
}

// Added to something, or looked up.
bool is_added(WeightKind kind) {
  switch (kind) {
    case WeightKind::embedding:
    case WeightKind::prefix_key:
    case WeightKind::prefix_value:
    case WeightKind::attention_bias:
    case WeightKind::query_bias:
    case WeightKind::key_bias:
    case WeightKind::value_bias:
    case WeightKind::sink:
    case WeightKind::router_bias:
    case WeightKind::expert_gate_bias:
    case WeightKind::expert_up_bias:
    case WeightKind::expert_down_bias:
      return true;
    default:
      return false;
  }
}

// One hash gives eight elements: byte c mod 8 of that of (name, row, c / 8) is column c.
void draw_row(std::uint64_t key_of_row, std::int64_t first_column,
              const std::array<float, 256>& values, std::span<float> to) {
  auto column = static_cast<std::uint64_t>(first_column);
  std::size_t i = 0;
  while (i < to.size()) {
    std::uint64_t bits = mix64(key_of_row ^ (column / 8)) >> (column % 8 * 8);
    const std::size_t count = std::min<std::size_t>(8 - column % 8, to.size() - i);
    if (count == 8) {
      for (std::size_t j = 0; j < 8; ++j) to[i + j] = values[(bits >> (8 * j)) & 255U];
    } else {
      for (std::size_t j = 0; j < count; ++j, bits >>= 8) to[i + j] = values[bits & 255U];
    }
    i += count;
    column += count;
  }
}

Interval shifted(Interval interval, std::int64_t by) {
  return {interval.first + by, interval.last + by};
}

}  // namespace

// The value of each byte. An odd multiple of 2^-8 in (-1, 1) is never zero, so that no product
// hides a missing share; a gain is a multiple of 2^-7 in [1/2, 3/2). What corrects a choice is a
// quarter of a gain, as far apart as the scores are and positive, so that no sum is near zero.
std::array<float, 256> values_of_bytes(WeightKind kind, std::int64_t rows) {
  std::array<float, 256> values{};
  const float scale = is_added(kind) ? 1.0F : product_scale(rows);
  for (std::size_t byte = 0; byte < values.size(); ++byte) {
    const auto number = static_cast<float>(byte);
    if (is_gain(kind)) {
      const auto bits = static_cast<float>(byte & 127U);
      values[byte] = (0.5F + bits / 128.0F) * (kind == WeightKind::correction_bias ? 0.25F : 1.0F);
    } else {
      values[byte] = scale * (2.0F * number - 255.0F) / 256.0F;
    }
  }
  return values;
}

std::uint64_t matrix_key(std::uint64_t seed, const WeightName& name) {
  const std::uint64_t key = mix64(seed ^ static_cast<std::uint64_t>(name.kind));
  return mix64(mix64(key ^ static_cast<std::uint64_t>(name.layer)) ^
               static_cast<std::uint64_t>(name.index));
}

WeightBlock WeightBlock::rows(Interval rows) const {
  WeightBlock block = *this;
  block.rows_ = rows;
  return block;
}

WeightBlock WeightBlock::columns(Interval columns) const {
  WeightBlock block = *this;
  block.columns_ = columns;
  return block;
}

void WeightBlock::for_each_tile(
    const std::function<void(Interval rows, const Block& tile)>& visit) const {
  if (const SharedMatrix whole = weights_->kept(name_, shape_)) {
    return visit({0, rows_.size()}, Block(*whole).rows(rows_).columns(columns_));
  }
  const std::int64_t width = std::max<std::int64_t>(1, columns_.size());
  const std::int64_t height = std::max<std::int64_t>(1, kElementsOfTile / width);
  for (std::int64_t first = 0; first < rows_.size(); first += height) {
    const Interval rows{first, std::min(first + height, rows_.size())};
    visit(rows, Block(weights_->draw(name_, shape_, shifted(rows, rows_.first), columns_)));
  }
}

Matrix<float> WeightBlock::drawn() const {
  LOCKSTEP_ASSERT(rows_.size() * columns_.size() <= Weights::kLargestBlock);
  return weights_->draw(name_, shape_, rows_, columns_);
}

std::vector<float> WeightBlock::row() const {
  const Matrix<float> first = rows({rows_.first, rows_.first + 1}).drawn();
  return {first.row(0).begin(), first.row(0).end()};
}

Matrix<float> Weights::draw(const WeightName& name, WeightShape shape, Interval rows,
                            Interval columns) const {
  const std::array<float, 256> values = values_of_bytes(name.kind, shape.rows);
  const std::uint64_t key = matrix_key(seed_, name);
  Matrix<float> w(rows.size(), columns.size());
  for (std::int64_t r = 0; r < w.rows(); ++r) {
    draw_row(row_key(key, rows.first + r), columns.first, values, w.row(r));
  }
  return w;
}

SharedMatrix Weights::kept(const WeightName& name, WeightShape shape) {
  const std::int64_t elements = shape.rows * shape.columns;
  if (elements > kLargestKept) return nullptr;
  const std::pair key{name, shape};
  const auto found = cache_.find(key);
  if (found != cache_.end()) return found->second;
  auto made =
      std::make_shared<const Matrix<float>>(draw(name, shape, {0, shape.rows}, {0, shape.columns}));
  if (cached_elements_ + elements > kMostKept) {
    cache_.clear();
    cached_elements_ = 0;
  }
  cached_elements_ += elements;
  cache_.emplace(key, made);
  return made;
}

}  // namespace lockstep::numeric
