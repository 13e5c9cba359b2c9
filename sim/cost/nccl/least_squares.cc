#include "sim/cost/nccl/least_squares.h"

#include <algorithm>
#include <cmath>

#include "sim/base/require.h"

namespace lockstep {
namespace {

using Matrix = std::vector<std::vector<double>>;

// Solves a x = b for a symmetric positive a by Cholesky's factors; false if it is not positive.
bool solve(Matrix a, std::vector<double>& b) {
  const std::size_t n = b.size();
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t j = 0; j <= i; ++j) {
      double sum = a[i][j];
      for (std::size_t k = 0; k < j; ++k) sum -= a[i][k] * a[j][k];
      if (i == j && !(sum > 0)) return false;
      a[i][j] = i == j ? std::sqrt(sum) : sum / a[j][j];
    }
  }
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t k = 0; k < i; ++k) b[i] -= a[i][k] * b[k];
    b[i] /= a[i][i];
  }
  for (std::size_t i = n; i-- > 0;) {
    for (std::size_t k = i + 1; k < n; ++k) b[i] -= a[k][i] * b[k];
    b[i] /= a[i][i];
  }
  return true;
}

struct Normal {
  Matrix squares;                // J^T W J
  std::vector<double> gradient;  // -J^T W r
};

// Derivatives by relative change of each parameter; weights that give the robust cost its slope.
Normal normal_equations(const Residuals& residuals, const std::vector<double>& at,
                        const std::vector<double>& here, double scale) {
  constexpr double kNudge = 1e-5;
  const std::size_t n = at.size();
  std::vector<std::vector<double>> slopes;
  for (std::size_t p = 0; p < n; ++p) {
    std::vector<double> moved = at;
    moved[p] *= 1 + kNudge;
    slopes.push_back(residuals(moved));
    for (std::size_t i = 0; i < here.size(); ++i) slopes[p][i] = (slopes[p][i] - here[i]) / kNudge;
  }
  Normal normal{Matrix(n, std::vector<double>(n, 0)), std::vector<double>(n, 0)};
  for (std::size_t i = 0; i < here.size(); ++i) {
    const double far = here[i] / scale;
    const double weight = 1 / std::sqrt(1 + far * far);
    for (std::size_t p = 0; p < n; ++p) {
      normal.gradient[p] -= weight * slopes[p][i] * here[i];
      for (std::size_t q = 0; q <= p; ++q) {
        normal.squares[p][q] += weight * slopes[p][i] * slopes[q][i];
      }
    }
  }
  return normal;
}

std::vector<double> stepped(const std::vector<double>& at, const std::vector<double>& step) {
  std::vector<double> next = at;
  for (std::size_t p = 0; p < at.size(); ++p) next[p] *= std::clamp(1 + step[p], 0.5, 2.0);
  return next;
}

}  // namespace

double robust_cost(std::span<const double> residuals, double scale) {
  double cost = 0;
  for (const double r : residuals) {
    const double far = r / scale;
    cost += 2 * scale * scale * (std::sqrt(1 + far * far) - 1);
  }
  return cost;
}

LeastSquares least_squares(const Residuals& residuals, std::vector<double> start, double scale,
                           int most_iterations) {
  for (const double value : start) LOCKSTEP_ASSERT(value > 0);
  LeastSquares best{std::move(start), 0};
  std::vector<double> here = residuals(best.parameters);
  best.cost = robust_cost(here, scale);
  double damping = 1e-3;
  for (int iteration = 0; iteration < most_iterations && !best.parameters.empty(); ++iteration) {
    const Normal normal = normal_equations(residuals, best.parameters, here, scale);
    bool better = false;
    for (; damping < 1e8 && !better; damping *= 10) {
      Matrix damped = normal.squares;
      for (std::size_t p = 0; p < damped.size(); ++p) {
        damped[p][p] = damped[p][p] * (1 + damping) + 1e-12;
      }
      std::vector<double> step = normal.gradient;
      if (!solve(damped, step)) continue;
      const std::vector<double> next = stepped(best.parameters, step);
      std::vector<double> there = residuals(next);
      const double cost = robust_cost(there, scale);
      if (!(cost < best.cost)) continue;
      better = true;
      const bool enough = best.cost - cost < 1e-7 * best.cost;
      best = {next, cost};
      here = std::move(there);
      if (enough) return best;
    }
    if (!better) return best;
    damping = std::max(damping * 1e-2, 1e-9);
  }
  return best;
}

}  // namespace lockstep
