// What one rank holds of a tensor, and the linear operations on it. Memory that nobody wrote holds
// NaN, which every sum and product carries on: undefined rows cannot pass for values.
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>
#include <memory>
#include <span>
#include <vector>

#include "backend/numeric/matrix.h"
#include "sim/plan/plan.h"

namespace lockstep::numeric {

inline constexpr float kUndefinedElement = std::numeric_limits<float>::quiet_NaN();

// Rows of some columns of a tensor. `columns`: which, in the order of the matrix; neighbours that
// continue each other are one interval, so that a slice or a whole tensor has exactly one.
struct LocalTensor {
  std::vector<Interval> columns;
  Matrix<float> values;
};

// Immutable and shared: ranks that received the same result hold one. Null: never written.
using Held = std::shared_ptr<const LocalTensor>;

Held make_held(std::vector<Interval> columns, Matrix<float> values);
std::int64_t row_count(const Held& held);  // 0 if never written
// Of columns as LocalTensor has them: how many they are; those and `next`, which follow them.
std::int64_t width_of(const std::vector<Interval>& columns);
void append(std::vector<Interval>& columns, Interval next);

// The written addend whose columns decide a sum's: the one with the most intervals, since it tells
// most about what was gathered. Null: none was written. `Tensor`: shared ownership of something
// with `columns`.
template <class Tensor>
Tensor leading_addend(std::span<const Tensor> addends) {
  Tensor leader = nullptr;
  for (const Tensor& addend : addends) {
    if (addend && (!leader || leader->columns.size() < addend->columns.size())) leader = addend;
  }
  return leader;
}

// The sum of `addends`, accumulated in T in their order, a row per row of the longest. A row that
// an addend lacks is NaN, and so is everything if an addend was never written or has other columns.
template <class T>
struct Sum {
  std::vector<Interval> columns;
  Matrix<T> values;
};
template <class T>
Sum<T> sum(std::span<const Held> addends);

// The same as a tensor; null if no addend was ever written, the addend itself if it is alone.
Held added(std::span<const Held> addends);
Held scaled(const Held& held, double factor);
// The columns of `slice`: NaN where the tensor lacks one, the first where it has one twice.
Held sliced_columns(const Held& held, Interval slice);
// copy_rows: `onto` is what the destination held before, for Fill::keep. A move that reaches
// outside its source copies NaN, outside the destination nothing. `columns`: of the result where
// neither was ever written.
Held copied_rows(const Held& from, const Held& onto, const RowMoves& moves, Fill fill,
                 Interval columns);

// The rows of `held` at `at`, cut or filled with NaN to `columns`.
template <class Number>
Matrix<Number> taken(const Held& held, const std::vector<std::int64_t>& at, std::int64_t columns) {
  Matrix<Number> rows(static_cast<std::int64_t>(at.size()), columns, kUndefinedElement);
  const std::int64_t width = held ? std::min(columns, held->values.columns()) : 0;
  for (std::int64_t r = 0; r < rows.rows(); ++r) {
    const std::int64_t from = at[static_cast<std::size_t>(r)];
    if (!held || from >= held->values.rows()) continue;
    std::ranges::copy(held->values.row(from).first(static_cast<std::size_t>(width)),
                      rows.row(r).begin());
  }
  return rows;
}

}  // namespace lockstep::numeric
