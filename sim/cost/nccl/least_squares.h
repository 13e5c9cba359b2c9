// Least squares of few positive parameters: Levenberg and Marquardt's method with relative steps.
// Only + - * / and sqrt, so that the same input gives the same bits everywhere.
#pragma once

#include <functional>
#include <span>
#include <vector>

namespace lockstep {

// Residuals of parameters; always the same number.
using Residuals = std::function<std::vector<double>(std::span<const double> parameters)>;

struct LeastSquares {
  std::vector<double> parameters;
  double cost = 0;  // sum of 2 * scale^2 * (sqrt(1 + (residual / scale)^2) - 1)
};

// Residuals far above `scale` count with their size, not its square: few bad points do not decide.
double robust_cost(std::span<const double> residuals, double scale);

// REQUIRES: every start > 0. Parameters stay positive: a step changes one by a factor in [1/2, 2].
LeastSquares least_squares(const Residuals& residuals, std::vector<double> start, double scale,
                           int most_iterations);

}  // namespace lockstep
