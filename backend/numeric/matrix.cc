// The product, in tiles: a part of w stays in the cache while all rows of x pass over it. Within a
// row of x four rows of w are taken at once, which changes no order of additions.
#include "backend/numeric/matrix.h"

#include <Eigen/Core>

namespace lockstep::numeric {
namespace {

constexpr std::int64_t kRowsOfTile = 64;
constexpr std::int64_t kColumnsOfTile = 512;

template <class T>
using Vector = Eigen::Array<T, 1, Eigen::Dynamic>;
template <class T>
using Tile = Eigen::Array<T, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

// The tile of w in the type of the sum, so that it is converted once and not once for every row.
template <class T>
void fill(Tile<T>& tile, const Block& w, Interval rows, Interval columns) {
  tile.resize(rows.size(), columns.size());
  for (std::int64_t k = 0; k < rows.size(); ++k) {
    const float* const from = w.row(rows.first + k).data() + columns.first;
    tile.row(k) = Eigen::Map<const Vector<float>>(from, columns.size()).template cast<T>();
  }
}

template <class T>
void accumulate(Eigen::Map<Vector<T>> sum, const T* factors, const Tile<T>& tile) {
  Eigen::Index k = 0;
  for (; k + 4 <= tile.rows(); k += 4) {
    sum = (((sum + factors[k] * tile.row(k)) + factors[k + 1] * tile.row(k + 1)) +
           factors[k + 2] * tile.row(k + 2)) +
          factors[k + 3] * tile.row(k + 3);
  }
  for (; k < tile.rows(); ++k) sum += factors[k] * tile.row(k);
}

}  // namespace

template <class T>
void add_product(Matrix<T>& to, const Matrix<T>& x, Interval columns, const Block& w) {
  Tile<T> tile;
  for (std::int64_t k = 0; k < w.row_count(); k += kRowsOfTile) {
    const Interval rows{k, std::min(k + kRowsOfTile, w.row_count())};
    for (std::int64_t c = 0; c < w.column_count(); c += kColumnsOfTile) {
      const Interval part{c, std::min(c + kColumnsOfTile, w.column_count())};
      fill(tile, w, rows, part);
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
