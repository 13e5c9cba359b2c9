// Elementwise functions of a transformer, in the precision of their argument.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <span>

#include "backend/numeric/matrix.h"

namespace lockstep::numeric {

template <class T>
T sigmoid(T x) {
  return T{1} / (T{1} + std::exp(-x));
}

template <class T>
T silu(T x) {
  return x * sigmoid(x);
}

// In place: exp(s_i - max s) / sum_j exp(s_j - max s).
template <class T>
void softmax(std::span<T> scores) {
  if (scores.empty()) return;
  const T top = *std::ranges::max_element(scores);
  T total{};
  for (T& s : scores) total += s = std::exp(s - top);
  for (T& s : scores) s /= total;
}

template <class T>
T sum_of_squares(std::span<const T> row) {
  T squares{};
  for (const T v : row) squares += v * v;
  return squares;
}

// In place: each row over the root mean square that its whole, `count` elements of which the row
// may be a part, has with the sum of squares `squares` of that row.
template <class T, class Squares>
void divide_by_rms(Matrix<T>& x, std::int64_t count, double epsilon, Squares squares) {
  for (std::int64_t r = 0; r < x.rows(); ++r) {
    const T mean = squares(r) / static_cast<T>(count);
    const T scale = T{1} / std::sqrt(mean + static_cast<T>(epsilon));
    for (T& v : x.row(r)) v *= scale;
  }
}

// Each row: x_i * gain_i / sqrt(mean(x^2) + epsilon). REQUIRES: one gain per column.
template <class T>
Matrix<T> rms_norm(Matrix<T> x, std::span<const float> gain, double epsilon) {
  for (std::int64_t r = 0; r < x.rows(); ++r) {
    T squares{};
    for (const T v : x.row(r)) squares += v * v;
    const T mean = squares / static_cast<T>(x.columns());
    const T scale = T{1} / std::sqrt(mean + static_cast<T>(epsilon));
    const std::span<T> row = x.row(r);
    for (std::size_t c = 0; c < row.size(); ++c) row[c] *= scale * static_cast<T>(gain[c]);
  }
  return x;
}

}  // namespace lockstep::numeric
