#include "backend/numeric/tensor.h"

#include <algorithm>

#include "backend/numeric/sources.h"

namespace lockstep::numeric {
namespace {

template <class T>
void add_rows(Matrix<T>& total, const LocalTensor& addend) {
  const std::int64_t rows = std::min(total.rows(), addend.values.rows());
  for (std::int64_t r = 0; r < rows; ++r) {
    const std::span<const float> from = addend.values.row(r);
    const std::span<T> to = total.row(r);
    for (std::size_t c = 0; c < to.size(); ++c) to[c] += static_cast<T>(from[c]);
  }
}

template <class T>
void undefine_rows(Matrix<T>& m, std::int64_t first) {
  for (std::int64_t r = first; r < m.rows(); ++r) {
    std::ranges::fill(m.row(r), std::numeric_limits<T>::quiet_NaN());
  }
}

}  // namespace

Held make_held(std::vector<Interval> columns, Matrix<float> values) {
  return std::make_shared<const LocalTensor>(LocalTensor{std::move(columns), std::move(values)});
}

std::int64_t row_count(const Held& held) { return held ? held->values.rows() : 0; }

std::int64_t width_of(const std::vector<Interval>& columns) {
  std::int64_t width = 0;
  for (const Interval& c : columns) width += c.size();
  return width;
}

void append(std::vector<Interval>& columns, Interval next) {
  if (!columns.empty() && columns.back().last == next.first) {
    columns.back().last = next.last;
  } else {
    columns.push_back(next);
  }
}

template <class T>
Sum<T> sum(std::span<const Held> addends) {
  const LocalTensor* shape = leading_addend(addends).get();
  if (shape == nullptr) return {};
  std::int64_t rows = 0;
  for (const Held& held : addends) rows = std::max(rows, row_count(held));
  Sum<T> total{shape->columns, Matrix<T>(rows, width_of(shape->columns))};
  for (const Held& held : addends) {
    if (held && held->columns == shape->columns) {
      add_rows(total.values, *held);
      undefine_rows(total.values, row_count(held));
    } else {
      undefine_rows(total.values, 0);
    }
  }
  return total;
}

template Sum<float> sum<float>(std::span<const Held>);
template Sum<double> sum<double>(std::span<const Held>);

Held added(std::span<const Held> addends) {
  if (addends.size() == 1) return addends.front();
  if (!leading_addend(addends)) return nullptr;
  Sum<float> total = sum<float>(addends);
  return make_held(std::move(total.columns), std::move(total.values));
}

Held scaled(const Held& held, double factor) {
  if (!held) return nullptr;
  Matrix<float> values = held->values;
  for (std::int64_t r = 0; r < values.rows(); ++r) {
    for (float& v : values.row(r)) v *= static_cast<float>(factor);
  }
  return make_held(held->columns, std::move(values));
}

Held sliced_columns(const Held& held, Interval slice) {
  if (!held) return nullptr;
  const std::vector<std::int64_t> from = column_sources(held->columns, slice);
  Matrix<float> values(held->values.rows(), slice.size(), kUndefinedElement);
  for (std::int64_t r = 0; r < values.rows(); ++r) {
    for (std::int64_t c = 0; c < values.columns(); ++c) {
      const std::int64_t column = from[static_cast<std::size_t>(c)];
      if (column != kNoSource) values(r, c) = held->values(r, column);
    }
  }
  return make_held({slice}, std::move(values));
}

Held copied_rows(const Held& from, const Held& onto, const RowMoves& moves, Fill fill,
                 Interval columns) {
  const LocalTensor* shape = from ? from.get() : onto.get();
  const std::vector<Interval> result_columns =
      shape == nullptr ? std::vector<Interval>{columns} : shape->columns;
  const bool keeps = fill == Fill::keep && onto && onto->columns == result_columns;
  const std::vector<std::int64_t> sources =
      row_sources(moves, fill, row_count(from), keeps ? onto->values.rows() : 0);
  Matrix<float> rows(moves.rows_out, width_of(result_columns), kUndefinedElement);
  for (std::int64_t r = 0; r < rows.rows(); ++r) {
    const std::int64_t source = sources[static_cast<std::size_t>(r)];
    if (source == kZeroSource) {
      std::ranges::fill(rows.row(r), 0.0F);
    } else if (source != kNoSource) {
      const Matrix<float>& values = source == kOldSource ? onto->values : from->values;
      std::ranges::copy(values.row(source == kOldSource ? r : source), rows.row(r).begin());
    }
  }
  return make_held(result_columns, std::move(rows));
}

}  // namespace lockstep::numeric
