// Elementwise functions of a transformer, in the precision of their argument.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <span>

#include "backend/numeric/matrix.h"
#include "backend/numeric/storage.h"

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

// What an expert or a dense feed-forward does with gate and up: silu(gate) * up; with a limit L > 0
// as GPT-OSS has it: (u + 1) * g * sigmoid(1.702 * g), g = min(gate, L), u = up within [-L, L].
template <class T>
T gated(T gate, T up, double limit) {
  if (limit <= 0) return silu(gate) * up;
  const T most = static_cast<T>(limit);
  const T g = std::min(gate, most);
  const T u = std::clamp(up, -most, most);
  return (u + T{1}) * g * sigmoid(static_cast<T>(1.702) * g);
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

// In place: x_i * gain_i / sqrt(mean(x^2) + epsilon). REQUIRES: one gain per element.
template <class T>
void rms_norm_part(std::span<T> part, std::span<const float> gain, double epsilon) {
  const T mean = sum_of_squares(std::span<const T>(part)) / static_cast<T>(part.size());
  const T scale = T{1} / std::sqrt(mean + static_cast<T>(epsilon));
  for (std::size_t c = 0; c < part.size(); ++c) part[c] *= scale * static_cast<T>(gain[c]);
}

// Each row: x_i * gain_i / sqrt(mean(x^2) + epsilon). REQUIRES: one gain per column.
template <class T>
Matrix<T> rms_norm(Matrix<T> x, std::span<const float> gain, double epsilon) {
  for (std::int64_t r = 0; r < x.rows(); ++r) rms_norm_part(x.row(r), gain, epsilon);
  return x;
}

// Each element as `storage` keeps it.
inline Matrix<float> stored(Matrix<float> x, Storage storage) {
  if (storage == Storage::float32) return x;
  for (float& v : x.elements()) v = stored(v, storage);
  return x;
}

}  // namespace lockstep::numeric
