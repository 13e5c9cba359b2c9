// The product, in tiles: a part of w stays in the cache while all rows of x pass over it. Within a
// row of x four rows of w are taken at once, which changes no order of additions.
#include "backend/numeric/matrix.h"

#include <Eigen/Core>
#include <type_traits>

namespace lockstep::numeric {
namespace {

constexpr std::int64_t kRowsOfTile = 32;
constexpr std::int64_t kColumnsOfTile = 256;
constexpr std::int64_t kRowsWorthTiles = 3;

template <class T>
using Vector = Eigen::Array<T, 1, Eigen::Dynamic>;

// Part of w in the type of the sum: where it is if that is its own, else converted once for all
// rows of x.
template <class T>
class Tile {
 public:
  void move_to(const Block& w, Interval rows, Interval columns) {
    width_ = columns.size();
    rows_.clear();
    if constexpr (!std::is_same_v<T, float>) {
      converted_.resize(static_cast<std::size_t>(rows.size() * width_));
    }
    for (std::int64_t k = 0; k < rows.size(); ++k) {
      const float* const from = w.row(rows.first + k).data() + columns.first;
      if constexpr (std::is_same_v<T, float>) {
        rows_.push_back(from);
      } else {
        T* const to = converted_.data() + k * width_;
        for (std::int64_t c = 0; c < width_; ++c) to[c] = static_cast<T>(from[c]);
        rows_.push_back(to);
      }
    }
  }

  std::size_t rows() const { return rows_.size(); }
  Eigen::Map<const Vector<T>> row(std::size_t k) const { return {rows_[k], width_}; }

 private:
  std::int64_t width_ = 0;
  std::vector<const T*> rows_;
  std::vector<T> converted_;
};

template <class T>
void accumulate(Eigen::Map<Vector<T>> sum, const T* factors, const Tile<T>& tile) {
  std::size_t k = 0;
  for (; k + 4 <= tile.rows(); k += 4) {
    sum = (((sum + factors[k] * tile.row(k)) + factors[k + 1] * tile.row(k + 1)) +
           factors[k + 2] * tile.row(k + 2)) +
          factors[k + 3] * tile.row(k + 3);
  }
  for (; k < tile.rows(); ++k) sum += factors[k] * tile.row(k);
}

// For so few rows of x that a tile is not worth its making.
template <class T>
void add_rows(Matrix<T>& to, const Matrix<T>& x, Interval columns, const Block& w) {
  for (std::int64_t r = 0; r < x.rows(); ++r) {
    T* const sum = to.row(r).data();
    const T* const factors = x.row(r).data() + columns.first;
    for (std::int64_t k = 0; k < w.row_count(); ++k) {
      const std::span<const float> weights = w.row(k);
      const T factor = factors[k];
      for (std::size_t c = 0; c < weights.size(); ++c)
        sum[c] += factor * static_cast<T>(weights[c]);
    }
  }
}

}  // namespace

template <class T>
void add_product(Matrix<T>& to, const Matrix<T>& x, Interval columns, const Block& w) {
  if (x.rows() < kRowsWorthTiles) return add_rows(to, x, columns, w);
  Tile<T> tile;
  for (std::int64_t c = 0; c < w.column_count(); c += kColumnsOfTile) {
    const Interval part{c, std::min(c + kColumnsOfTile, w.column_count())};
    for (std::int64_t k = 0; k < w.row_count(); k += kRowsOfTile) {
      tile.move_to(w, {k, std::min(k + kRowsOfTile, w.row_count())}, part);
      for (std::int64_t r = 0; r < x.rows(); ++r) {
        accumulate<T>({to.row(r).data() + c, part.size()}, x.row(r).data() + columns.first + k,
                      tile);
      }
    }
  }
}

template void add_product(Matrix<float>&, const Matrix<float>&, Interval, const Block&);
template void add_product(Matrix<double>&, const Matrix<double>&, Interval, const Block&);

}  // namespace lockstep::numeric
