// Rotary positions (Su et al., RoFormer, 2021), in the half-split form of the families' code: pair
// i of a part of width d is (x_i, x_{i + d/2}) and turns by position * theta^(-2i/d). DeepSeek
// pairs neighbours instead, which for drawn weights is another order of columns. Scaling of the
// angles for long contexts is left out.
#pragma once

#include <cmath>
#include <cstdint>
#include <span>

#include "backend/numeric/matrix.h"

namespace lockstep::numeric {

// Sines and cosines for consecutive positions, in double.
class Rotary {
 public:
  // REQUIRES: theta > 0. (Of an odd width the last element stays.)
  Rotary(std::int64_t width, double theta, Interval positions)
      : first_(positions.first),
        cosine_(positions.size(), width / 2),
        sine_(positions.size(), width / 2) {
    for (std::int64_t p = 0; p < positions.size(); ++p) {
      for (std::int64_t i = 0; i < width / 2; ++i) {
        const double exponent = -2.0 * static_cast<double>(i) / static_cast<double>(width);
        const double angle = static_cast<double>(first_ + p) * std::pow(theta, exponent);
        cosine_(p, i) = std::cos(angle);
        sine_(p, i) = std::sin(angle);
      }
    }
  }

  // Of pair `pair` at `position`.
  double cosine(std::int64_t position, std::int64_t pair) const {
    return cosine_(position - first_, pair);
  }
  double sine(std::int64_t position, std::int64_t pair) const {
    return sine_(position - first_, pair);
  }

  // Turns the first `width` elements of `head`, which stands at `position`.
  template <class T>
  void turn(std::span<T> head, std::int64_t position) const {
    const auto half = static_cast<std::size_t>(cosine_.columns());
    for (std::size_t i = 0; i < half; ++i) {
      const auto c = static_cast<T>(cosine_.row(position - first_)[i]);
      const auto s = static_cast<T>(sine_.row(position - first_)[i]);
      const T a = head[i];
      const T b = head[i + half];
      head[i] = a * c - b * s;
      head[i + half] = b * c + a * s;
    }
  }

 private:
  std::int64_t first_;
  Matrix<double> cosine_;
  Matrix<double> sine_;
};

}  // namespace lockstep::numeric
