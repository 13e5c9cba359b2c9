#include "backend/numeric/compare.h"

#include <cmath>
#include <limits>

namespace lockstep::numeric {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

std::vector<double> term_row(const Matrix<double>& term, std::int64_t row, Interval columns) {
  std::vector<double> values(static_cast<std::size_t>(columns.size()), kNan);
  if (row < 0 || row >= term.rows()) return values;
  const std::int64_t last = std::min(columns.last, term.columns());
  for (std::int64_t c = columns.first; c < last; ++c) {
    values[static_cast<std::size_t>(c - columns.first)] = term(row, c);
  }
  return values;
}

double dot(std::span<const double> a, std::span<const double> b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
  return sum;
}

double ratio(double above, double below) {
  if (below > 0) return above / below;
  return above > 0 ? kInfinity : 0;
}

bool has_numbers(std::span<const double> row) {
  return std::ranges::all_of(row, [](double v) { return std::isfinite(v); });
}

bool fits(const Sum<double>& actual, const Target& target, bool any_real) {
  if (actual.columns.empty()) return !any_real;
  return actual.columns == std::vector<Interval>{target.columns} &&
         actual.values.rows() == static_cast<std::int64_t>(target.rows.size());
}

// False where padding must be zero and is not. REQUIRES: the tensor fits or was never written.
bool padding_met(const Sum<double>& actual, const Target& target) {
  if (!target.zero_padding) return true;
  for (std::size_t r = 0; r < target.rows.size(); ++r) {
    if (target.rows[r] != kPaddingRow) continue;
    const auto row = static_cast<std::int64_t>(r);
    if (row >= actual.values.rows()) return false;
    if (!std::ranges::all_of(actual.values.row(row), [](double v) { return v == 0; })) return false;
  }
  return true;
}

}  // namespace

std::vector<double> target_row(const Target& target, std::int64_t row) {
  std::vector<double> sum(static_cast<std::size_t>(target.columns.size()), 0.0);
  const std::int64_t at = target.rows[static_cast<std::size_t>(row)];
  for (const Matrix<double>* term : target.terms) {
    const std::vector<double> part = term_row(*term, at, target.columns);
    for (std::size_t c = 0; c < sum.size(); ++c) sum[c] += part[c];
  }
  return sum;
}

double row_error(std::span<const double> actual, std::span<const double> target) {
  double largest = 0;
  double squares = 0;
  for (std::size_t c = 0; c < target.size(); ++c) {
    const double difference = std::abs(actual[c] - target[c]);
    if (!std::isfinite(difference)) return kInfinity;
    largest = std::max(largest, difference);
    squares += target[c] * target[c];
  }
  return ratio(largest, std::sqrt(squares / static_cast<double>(target.size())));
}

Measurement measure(const Sum<double>& actual, const Target& target, double limit) {
  Measurement m;
  for (std::size_t r = 0; r < target.rows.size(); ++r) {
    if (target.rows[r] != kPaddingRow) m.real.push_back(static_cast<std::int64_t>(r));
  }
  m.fits = fits(actual, target, !m.real.empty());
  if (!m.fits) {
    m.worst_row = m.relative = kInfinity;
    m.wrong = m.real;
    return m;
  }
  double difference = 0;
  double size = 0;
  for (const std::int64_t r : m.real) {
    const std::vector<double> want = target_row(target, r);
    const std::span<const double> have = actual.values.row(r);
    const double error = row_error(have, want);
    m.worst_row = std::max(m.worst_row, error);
    if (!(error <= limit)) m.wrong.push_back(r);
    for (std::size_t c = 0; c < want.size(); ++c) {
      difference += (have[c] - want[c]) * (have[c] - want[c]);
    }
    size += dot(want, want);
  }
  m.relative = std::isfinite(difference) ? std::sqrt(ratio(difference, size)) : kInfinity;
  if (!padding_met(actual, target)) m.worst_row = m.relative = kInfinity;
  return m;
}

std::vector<double> solve(Matrix<double> gram, std::vector<double> right) {
  const auto n = static_cast<std::int64_t>(right.size());
  const auto at = [](std::int64_t i) { return static_cast<std::size_t>(i); };
  std::vector<bool> has_pivot(right.size(), false);
  double largest = 0;
  for (std::int64_t i = 0; i < n; ++i) largest = std::max(largest, gram(i, i));
  constexpr double kSingular = 1e-10;
  for (std::int64_t i = 0; i < n; ++i) {
    if (!(gram(i, i) > kSingular * largest)) continue;
    has_pivot[at(i)] = true;
    for (std::int64_t other = 0; other < n; ++other) {
      if (other == i) continue;
      const double factor = gram(other, i) / gram(i, i);
      for (std::int64_t c = 0; c < n; ++c) gram(other, c) -= factor * gram(i, c);
      right[at(other)] -= factor * right[at(i)];
    }
  }
  for (std::int64_t i = 0; i < n; ++i) {
    right[at(i)] = has_pivot[at(i)] ? right[at(i)] / gram(i, i) : 0.0;
  }
  return right;
}

Fit fit(const std::vector<Sample>& samples) {
  if (samples.empty()) return {};
  const std::size_t terms = samples.front().target->terms.size();
  const auto n = static_cast<std::int64_t>(terms);
  Matrix<double> gram(n, n);
  std::vector<double> projection(terms, 0.0);
  double actual_actual = 0;
  double actual_target = 0;
  double target_target = 0;
  std::vector<std::pair<std::vector<double>, std::span<const double>>> rows;
  for (const Sample& sample : samples) {
    for (const std::int64_t r : sample.rows) {
      const std::span<const double> have = sample.actual->values.row(r);
      std::vector<double> want = target_row(*sample.target, r);
      if (!has_numbers(have) || !has_numbers(want)) continue;
      std::vector<std::vector<double>> parts;
      for (const Matrix<double>* term : sample.target->terms) {
        parts.push_back(term_row(*term, sample.target->rows[static_cast<std::size_t>(r)],
                                 sample.target->columns));
      }
      for (std::int64_t i = 0; i < n; ++i) {
        const std::vector<double>& part = parts[static_cast<std::size_t>(i)];
        projection[static_cast<std::size_t>(i)] += dot(part, have);
        for (std::int64_t j = 0; j < n; ++j) {
          gram(i, j) += dot(part, parts[static_cast<std::size_t>(j)]);
        }
      }
      actual_actual += dot(have, have);
      actual_target += dot(have, want);
      target_target += dot(want, want);
      rows.emplace_back(std::move(want), have);
    }
  }
  Fit result;
  result.terms = solve(std::move(gram), std::move(projection));
  if (target_target > 0) result.scale = actual_target / target_target;
  double left = 0;
  for (const auto& [want, have] : rows) {
    for (std::size_t c = 0; c < want.size(); ++c) {
      const double difference = have[c] - result.scale * want[c];
      left += difference * difference;
    }
  }
  if (actual_actual > 0) result.error_after_scale = std::sqrt(left / actual_actual);
  return result;
}

}  // namespace lockstep::numeric
