// Dense row-major matrices and the one product that everything here is made of.
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>
#include <span>
#include <utility>
#include <vector>

namespace lockstep::numeric {

template <class T>
class Matrix {
 public:
  Matrix() = default;
  Matrix(std::int64_t rows, std::int64_t columns, T fill = T{})
      : rows_(rows), columns_(columns), elements_(static_cast<std::size_t>(rows * columns), fill) {}
  // `elements` row by row. REQUIRES: rows * columns of them.
  Matrix(std::int64_t rows, std::int64_t columns, std::vector<T> elements)
      : rows_(rows), columns_(columns), elements_(std::move(elements)) {}

  std::int64_t rows() const { return rows_; }
  std::int64_t columns() const { return columns_; }
  std::span<T> row(std::int64_t r) { return {elements_.data() + r * columns_, width()}; }
  std::span<const T> row(std::int64_t r) const {
    return {elements_.data() + r * columns_, width()};
  }
  T& operator()(std::int64_t r, std::int64_t c) { return elements_[offset(r, c)]; }
  const T& operator()(std::int64_t r, std::int64_t c) const { return elements_[offset(r, c)]; }
  std::span<T> elements() { return elements_; }

 private:
  std::size_t width() const { return static_cast<std::size_t>(columns_); }
  std::size_t offset(std::int64_t r, std::int64_t c) const {
    return static_cast<std::size_t>(r * columns_ + c);
  }

  std::int64_t rows_ = 0;
  std::int64_t columns_ = 0;
  std::vector<T> elements_;
};

// The indices [first, last) of columns, heads, experts or shares.
struct Interval {
  std::int64_t first = 0;
  std::int64_t last = 0;
  std::int64_t size() const { return last - first; }
  bool operator==(const Interval&) const = default;
};

// A block of a matrix. Valid as long as the matrix.
class Block {
 public:
  explicit Block(const Matrix<float>& whole)
      : whole_(&whole), rows_{0, whole.rows()}, columns_{0, whole.columns()} {}

  // REQUIRES: the interval lies inside the block's whole matrix.
  Block rows(Interval rows) const { return {*whole_, rows, columns_}; }
  Block columns(Interval columns) const { return {*whole_, rows_, columns}; }

  std::int64_t row_count() const { return rows_.size(); }
  std::int64_t column_count() const { return columns_.size(); }
  std::span<const float> row(std::int64_t r) const {
    return whole_->row(rows_.first + r)
        .subspan(static_cast<std::size_t>(columns_.first),
                 static_cast<std::size_t>(columns_.size()));
  }

 private:
  Block(const Matrix<float>& whole, Interval rows, Interval columns)
      : whole_(&whole), rows_(rows), columns_(columns) {}

  const Matrix<float>* whole_;
  Interval rows_;
  Interval columns_;
};

// to += x[:, columns] times w, in T: each element of `to` takes the products one after the other,
// in the order of w's rows. Bit for bit
//   for k: to(r, c) += x(r, columns.first + k) * w(k, c)
// so that a row depends on that row of x alone, however many other rows there are, and a product in
// pieces is the product. REQUIRES: one row of w per column; `to` has x's rows and w's columns.
template <class T>
void add_product(Matrix<T>& to, const Matrix<T>& x, Interval columns, const Block& w);

// A product of what does not fit together.
template <class T>
Matrix<T> undefined_product(std::int64_t rows, std::int64_t columns) {
  return {rows, columns, std::numeric_limits<T>::quiet_NaN()};
}

// x times w. NaN where w has not a row per column of x, as in a program that is wrong.
template <class T>
Matrix<T> product(const Matrix<T>& x, const Block& w) {
  if (x.columns() != w.row_count()) return undefined_product<T>(x.rows(), w.column_count());
  Matrix<T> out(x.rows(), w.column_count());
  add_product(out, x, {0, w.row_count()}, w);
  return out;
}

// to += factor * from, element by element. Where `from` has no such element the sum is NaN.
// REQUIRES: equally many rows.
template <class T>
void add_scaled(Matrix<T>& to, const Matrix<T>& from, T factor) {
  for (std::int64_t r = 0; r < to.rows(); ++r) {
    const std::span<const T> source = from.row(r);
    const std::span<T> target = to.row(r);
    const std::size_t both = std::min(source.size(), target.size());
    for (std::size_t c = 0; c < both; ++c) target[c] += factor * source[c];
    std::ranges::fill(target.subspan(both), std::numeric_limits<T>::quiet_NaN());
  }
}

// Adds `what` to each row. REQUIRES: one element per column.
template <class T>
void add_to_rows(Matrix<T>& to, std::span<const float> what) {
  for (std::int64_t r = 0; r < to.rows(); ++r) {
    const std::span<T> row = to.row(r);
    for (std::size_t c = 0; c < row.size(); ++c) row[c] += static_cast<T>(what[c]);
  }
}

// The rows of x that `rows` names, in that order.
template <class T>
Matrix<T> gathered(const Matrix<T>& x, const std::vector<std::int64_t>& rows) {
  Matrix<T> out(static_cast<std::int64_t>(rows.size()), x.columns());
  for (std::size_t i = 0; i < rows.size(); ++i) {
    std::ranges::copy(x.row(rows[i]), out.row(static_cast<std::int64_t>(i)).begin());
  }
  return out;
}

// The columns of x in an interval.
template <class T>
Matrix<T> sliced(const Matrix<T>& x, Interval columns) {
  Matrix<T> out(x.rows(), columns.size());
  for (std::int64_t r = 0; r < x.rows(); ++r) {
    std::ranges::copy(x.row(r).subspan(static_cast<std::size_t>(columns.first),
                                       static_cast<std::size_t>(columns.size())),
                      out.row(r).begin());
  }
  return out;
}

// The rows of one matrix, then those of the other. REQUIRES: equal columns, unless one is empty.
template <class T>
Matrix<T> stacked(const Matrix<T>& above, const Matrix<T>& below) {
  Matrix<T> out(above.rows() + below.rows(), below.columns());
  for (std::int64_t r = 0; r < out.rows(); ++r) {
    const bool upper = r < above.rows();
    std::ranges::copy(upper ? above.row(r) : below.row(r - above.rows()), out.row(r).begin());
  }
  return out;
}

}  // namespace lockstep::numeric
