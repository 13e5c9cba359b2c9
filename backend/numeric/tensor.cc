#include "backend/numeric/tensor.h"

#include <algorithm>

namespace lockstep::numeric {
namespace {

// The written addend whose columns decide the result's: the one with the most intervals, since it
// tells most about what was gathered.
const LocalTensor* shape_of(std::span<const Held> addends) {
  const LocalTensor* shape = nullptr;
  for (const Held& held : addends) {
    if (held && (shape == nullptr || shape->columns.size() < held->columns.size())) {
      shape = held.get();
    }
  }
  return shape;
}

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
  const LocalTensor* shape = shape_of(addends);
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
  if (shape_of(addends) == nullptr) return nullptr;
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
  constexpr std::int64_t kLacking = -1;
  std::vector<std::int64_t> from(static_cast<std::size_t>(slice.size()), kLacking);
  std::int64_t at = 0;
  for (const Interval& c : held->columns) {
    const std::int64_t last = std::min(c.last, slice.last);
    for (std::int64_t i = std::max(c.first, slice.first); i < last; ++i) {
      std::int64_t& column = from[static_cast<std::size_t>(i - slice.first)];
      if (column == kLacking) column = at + i - c.first;
    }
    at += c.size();
  }
  Matrix<float> values(held->values.rows(), slice.size(), kUndefinedElement);
  for (std::int64_t r = 0; r < values.rows(); ++r) {
    for (std::int64_t c = 0; c < values.columns(); ++c) {
      const std::int64_t column = from[static_cast<std::size_t>(c)];
      if (column != kLacking) values(r, c) = held->values(r, column);
    }
  }
  return make_held({slice}, std::move(values));
}

Held copied_rows(const Held& from, const Held& onto, const RowMoves& moves, Fill fill,
                 Interval columns) {
  const LocalTensor* shape = from ? from.get() : onto.get();
  const std::vector<Interval> result_columns =
      shape == nullptr ? std::vector<Interval>{columns} : shape->columns;
  const float background = fill == Fill::zero ? 0.0F : kUndefinedElement;
  Matrix<float> rows(moves.rows_out, width_of(result_columns), background);
  if (fill == Fill::keep && onto && onto->columns == result_columns) {
    for (std::int64_t r = 0; r < std::min(rows.rows(), onto->values.rows()); ++r) {
      std::ranges::copy(onto->values.row(r), rows.row(r).begin());
    }
  }
  for (const Move& move : moves.moves) {
    const std::int64_t first = std::clamp<std::int64_t>(-move.to, 0, move.count);
    const std::int64_t last = std::clamp<std::int64_t>(rows.rows() - move.to, first, move.count);
    for (std::int64_t i = first; i < last; ++i) {
      const std::int64_t source = move.from + i;
      const std::span<float> to = rows.row(move.to + i);
      if (from && source >= 0 && source < from->values.rows()) {
        std::ranges::copy(from->values.row(source), to.begin());
      } else {
        std::ranges::fill(to, kUndefinedElement);
      }
    }
  }
  return make_held(result_columns, std::move(rows));
}

}  // namespace lockstep::numeric
