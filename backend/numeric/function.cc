#include "backend/numeric/function.h"

#include <algorithm>
#include <cmath>

#include "sim/base/random.h"

namespace lockstep::numeric {
namespace {

// What a hashed number is for.
enum class Use : std::uint64_t { factor = 1, weight, offset, mix, position, bias, part };

std::uint64_t bits(std::uint64_t key, Use use, std::int64_t a, std::int64_t b) {
  const std::uint64_t name = mix64(key ^ mix64(static_cast<std::uint64_t>(use)));
  return mix64(mix64(name ^ static_cast<std::uint64_t>(a)) ^ static_cast<std::uint64_t>(b));
}

// In [0, 1): a multiple of 2^-24.
double fraction(std::uint64_t bits) {
  return static_cast<double>(bits >> 40) / static_cast<double>(1 << 24);
}

// Of a size in [1/2, 3/2), of either sign: never near zero, so that no product hides its factor.
double away_from_zero(std::uint64_t bits) {
  const double size = 0.5 + fraction(bits);
  return (bits & 1U) != 0 ? -size : size;
}

// Which share of a maximum is the largest one at an element: each in its turn, so that none can
// be left out unseen where there are as many elements as shares.
bool is_largest(const FunctionName& name, std::int64_t token, std::int64_t column) {
  const auto place = static_cast<std::uint64_t>(token + column) + name.key % 64;
  return place % static_cast<std::uint64_t>(std::max(1, name.shares)) ==
         static_cast<std::uint64_t>(name.share);
}

// Maxima are of negative values, so that a zero is larger.
double finished(const FunctionName& name, std::int64_t token, std::int64_t column, double z) {
  const double phi = z / std::sqrt(1.0 + z * z);
  const double factor = 0.5 + fraction(bits(name.key, Use::factor, name.share, column));
  const double value = factor * (1.5 + phi);
  if (name.combine != Reduction::max) return sign_of(token, column) * value;
  return (is_largest(name, token, column) ? -2.0 : -4.0) + value / 4.0;
}

double offset(const FunctionName& name, std::int64_t token, std::int64_t column) {
  const std::uint64_t of_share =
      bits(name.key, Use::offset, name.share, static_cast<std::int64_t>(name.key & 0xFFU));
  return 4.0 * fraction(bits(of_share, Use::offset, token, column)) - 2.0;
}

// An operand as the columns of one row of the result see it.
class Seen {
 public:
  Seen(std::uint64_t key, std::int64_t index, const FunctionOperand& operand)
      : key_(bits(key, Use::mix, index, 0)), operand_(operand) {
    if (!operand.row_by_row) look_at(all_rows());
  }

  void look_at_row(std::int64_t row) {
    if (operand_.row_by_row) look_at(operand_.rows.row(row));
  }

  // `column` of a result that holds `columns`.
  double at(std::int64_t column, Interval columns) const {
    const auto width = static_cast<std::int64_t>(row_.size());
    if (width == 0) return 0.0;
    if (!operand_.sliced_as_result) return row_[static_cast<std::size_t>(column % width)] + mix_;
    const std::int64_t place = column - columns.first;
    double sum = 0.0;
    for (std::int64_t c = place % width; c < width; c += columns.size()) {
      sum += row_[static_cast<std::size_t>(c)];
    }
    return sum;
  }

 private:
  void look_at(std::span<const double> row) {
    row_.assign(row.begin(), row.end());
    mix_ = 0.0;
    for (std::size_t c = 0; c < row.size(); ++c) {
      const std::int64_t column = operand_.columns.first + static_cast<std::int64_t>(c);
      mix_ += away_from_zero(bits(key_, Use::mix, column, 0)) * row[c];
    }
    mix_ /= std::sqrt(static_cast<double>(std::max<std::size_t>(row.size(), 1)));
  }

  // A combination of all rows in which each position counts otherwise.
  std::vector<double> all_rows() const {
    const Matrix<double>& rows = operand_.rows;
    std::vector<double> sum(static_cast<std::size_t>(rows.columns()), 0.0);
    for (std::int64_t r = 0; r < rows.rows(); ++r) {
      const double factor = away_from_zero(bits(key_, Use::position, r, 0)) /
                            std::sqrt(static_cast<double>(rows.rows()));
      for (std::size_t c = 0; c < sum.size(); ++c) sum[c] += factor * rows.row(r)[c];
    }
    return sum;
  }

  std::uint64_t key_;
  const FunctionOperand& operand_;
  std::vector<double> row_;
  double mix_ = 0.0;
};

double size_of_part(const FunctionName& name, int share, std::int64_t token, std::int64_t column) {
  const std::uint64_t of_share = bits(name.key, Use::part, share, 0);
  return 0.5 + fraction(bits(of_share, Use::part, token, column));
}

}  // namespace

double sign_of(std::int64_t token, std::int64_t column) {
  return (token + column) % 2 == 0 ? 1.0 : -1.0;
}

// The hashed elements are near 1 / sqrt(rows); these are near 1 / rows, as nothing cancels.
Matrix<float> signed_matrix(const Block& hashed, const MatrixPlace& place) {
  float scale = 1.0F;
  for (std::int64_t rows = place.rows; rows >= 4; rows /= 4) scale /= 2.0F;
  Matrix<float> w(hashed.row_count(), hashed.column_count());
  for (std::int64_t r = 0; r < w.rows(); ++r) {
    const std::span<const float> from = hashed.row(r);
    std::int64_t c = 0;
    for (float& v : w.row(r)) {
      const double sign = sign_of(place.first_row + r, place.first_column + c);
      v = static_cast<float>(sign) * scale * std::abs(from[static_cast<std::size_t>(c++)]);
    }
  }
  return w;
}

double offset_of_part(const FunctionName& name, std::int64_t token, std::int64_t column) {
  double all = 0.0;
  for (int s = 0; s < name.shares; ++s) all += size_of_part(name, s, token, column);
  return size_of_part(name, name.share, token, column) - all / std::max(1, name.shares);
}

Matrix<double> function_value(const FunctionName& name, std::span<const FunctionOperand> operands,
                              const FunctionResult& result) {
  std::vector<Seen> seen;
  for (std::size_t i = 0; i < operands.size(); ++i) {
    seen.emplace_back(name.key, static_cast<std::int64_t>(i), operands[i]);
  }
  const auto rows = static_cast<std::int64_t>(result.tokens.size());
  Matrix<double> values(rows, result.columns.size());
  for (std::int64_t r = 0; r < rows; ++r) {
    const std::int64_t token = result.tokens[static_cast<std::size_t>(r)];
    for (Seen& operand : seen) operand.look_at_row(r);
    for (std::int64_t c = result.columns.first; c < result.columns.last; ++c) {
      double z = offset(name, token, c);
      for (std::size_t i = 0; i < seen.size(); ++i) {
        const std::uint64_t of_operand =
            bits(name.key, Use::weight, static_cast<std::int64_t>(i), name.share);
        z += 0.5 * away_from_zero(bits(of_operand, Use::weight, c, 0)) *
             seen[i].at(c, result.columns);
      }
      values(r, c - result.columns.first) = finished(name, token, c, z);
    }
  }
  return values;
}

double drawn_value(const FunctionName& name, std::int64_t token, std::int64_t column) {
  return finished(name, token, column, offset(name, token, column));
}

Matrix<double> bias_value(const FunctionName& name, const FunctionResult& result) {
  Matrix<double> values(static_cast<std::int64_t>(result.tokens.size()), result.columns.size());
  for (std::int64_t r = 0; r < values.rows(); ++r) {
    for (std::int64_t c = 0; c < values.columns(); ++c) {
      const std::int64_t column = result.columns.first + c;
      const double size = 0.5 + fraction(bits(name.key, Use::bias, name.share, column));
      values(r, c) = sign_of(0, column) * size;
    }
  }
  return values;
}

}  // namespace lockstep::numeric
