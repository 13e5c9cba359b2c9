// The weights of a model, drawn from a counter-based hash: any element is known from its name, row
// and column alone, so that a slice equals the slice of the whole. Every value is exact in bfloat16
// (an odd multiple of 2^-8 below 1, times a power of two; a norm's gain a multiple of 2^-7), and no
// floating-point function is involved: the same bits on every machine. No large matrix is ever
// there as a whole: products draw it in tiles.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <type_traits>
#include <utility>
#include <vector>

#include "backend/numeric/matrix.h"
#include "backend/numeric/weight_shapes.h"
#include "sim/model/model.h"

namespace lockstep::numeric {

using SharedMatrix = std::shared_ptr<const Matrix<float>>;

// How an element is drawn, for those who draw it elsewhere: byte c mod 8 of
//   mix64(row_key(matrix_key(seed, name), r) ^ (c / 8))
// is a number from 0 to 255, and element (r, c) is the value of that number.
std::uint64_t matrix_key(std::uint64_t seed, const WeightName& name);
constexpr std::uint64_t row_key(std::uint64_t matrix_key, std::int64_t row) {
  return matrix_key ^ (static_cast<std::uint64_t>(row) << 32);
}
// `rows`: of the whole matrix.
std::array<float, 256> values_of_bytes(WeightKind kind, std::int64_t rows);

class Weights;
class WeightBlock;

// Who multiplies in float64 for the reference instead of the CPU, one weight matrix at a time
// (backend/nccl/reference_products.h). A row of the result depends on that row of x alone.
class DoubleProducts {
 public:
  DoubleProducts() = default;
  DoubleProducts(const DoubleProducts&) = delete;
  DoubleProducts& operator=(const DoubleProducts&) = delete;
  virtual ~DoubleProducts() = default;

  // REQUIRES: a row of the block per column of x.
  virtual Matrix<double> product(const Matrix<double>& x, const WeightBlock& w) = 0;
};

// Some rows and columns of one weight matrix: a description, nothing is drawn yet.
class WeightBlock {
 public:
  WeightBlock(Weights& weights, WeightName name, WeightShape shape)
      : weights_(&weights),
        name_(name),
        shape_(shape),
        rows_{0, shape.rows},
        columns_{0, shape.columns} {}

  // REQUIRES: the interval lies inside the whole matrix.
  WeightBlock rows(Interval rows) const;
  WeightBlock columns(Interval columns) const;

  std::int64_t row_count() const { return rows_.size(); }
  std::int64_t column_count() const { return columns_.size(); }
  // Where it stands in which matrix.
  const WeightName& name() const { return name_; }
  WeightShape whole() const { return shape_; }
  Interval row_interval() const { return rows_; }
  Interval column_interval() const { return columns_; }

  // Of the weights that it is a block of; null: the CPU multiplies.
  DoubleProducts* double_products() const;

  // Calls visit(rows, tile) for tiles of whole rows, top down; `rows` counts within the block. A
  // tile is valid during the call.
  void for_each_tile(const std::function<void(Interval rows, const Block& tile)>& visit) const;
  // The block itself. REQUIRES: it is small (kLargestBlock).
  Matrix<float> drawn() const;
  // Its first row.
  std::vector<float> row() const;

 private:
  Weights* weights_;
  WeightName name_;
  WeightShape shape_;
  Interval rows_;
  Interval columns_;
};

// x times the block; the bits are those of the product with the whole matrix.
// NaN where the block has not a row per column of x.
template <class T>
Matrix<T> product(const Matrix<T>& x, const WeightBlock& w) {
  if (x.columns() != w.row_count()) return undefined_product<T>(x.rows(), w.column_count());
  Matrix<T> out(x.rows(), w.column_count());
  if (x.rows() == 0) return out;
  if constexpr (std::is_same_v<T, double>) {
    if (DoubleProducts* products = w.double_products()) return products->product(x, w);
  }
  w.for_each_tile([&](Interval rows, const Block& tile) {
    add_product(out, x, {rows.first, rows.last}, tile);
  });
  return out;
}

class Weights {
 public:
  // No more elements than these are ever drawn into one matrix: 256 MiB.
  static constexpr std::int64_t kLargestBlock = std::int64_t{1} << 26;

  // `products`: null, or what must outlive this.
  Weights(Model model, std::uint64_t seed, DoubleProducts* products = nullptr)
      : model_(std::move(model)), seed_(seed), products_(products) {}

  // A matrix of the model. REQUIRES: it is no projection.
  WeightBlock at(WeightName name) { return {*this, name, shape_of(model_, name.kind)}; }
  // The matrix by which a program's linear multiplies: rows in, columns out.
  WeightBlock projection(std::int64_t term, int share, std::int64_t rows, std::int64_t columns) {
    return {*this, {WeightKind::projection, share, term}, {rows, columns}};
  }
  const Model& model() const { return model_; }
  std::uint64_t seed() const { return seed_; }
  DoubleProducts* double_products() const { return products_; }

 private:
  friend class WeightBlock;

  // A small matrix is drawn once and kept while the budget lasts; null for a larger one.
  SharedMatrix kept(const WeightName& name, WeightShape shape);
  Matrix<float> draw(const WeightName& name, WeightShape shape, Interval rows,
                     Interval columns) const;

  Model model_;
  std::uint64_t seed_;
  DoubleProducts* products_;
  std::map<std::pair<WeightName, WeightShape>, SharedMatrix> cache_;
  std::int64_t cached_elements_ = 0;
};

inline DoubleProducts* WeightBlock::double_products() const { return weights_->double_products(); }

}  // namespace lockstep::numeric
