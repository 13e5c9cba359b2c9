#include "sim/cost/kernels/descent.h"

#include <algorithm>

#include "sim/base/require.h"

namespace lockstep {
namespace {

constexpr double kSteps[] = {2, 1.5, 1.2, 1.1, 1.05, 1.02, 1.01, 1.005};
constexpr int kMostRounds = 60;  // of one step
constexpr double kLeastGain = 1e-9;

class Search {
 public:
  Search(const Cost& cost, std::vector<double> start, std::span<const Range> ranges)
      : cost_(cost), ranges_(ranges), best_{std::move(start), 0} {
    best_.cost = cost_(best_.at);
  }

  // Whether something was better.
  bool round(double step) {
    bool better = false;
    for (std::size_t i = 0; i < best_.at.size(); ++i) {
      better |= try_moved(i, step, i, 1) || try_moved(i, 1 / step, i, 1);
      for (std::size_t j = 0; j < i; ++j) {
        better |= try_moved(i, step, j, step) || try_moved(i, 1 / step, j, 1 / step) ||
                  try_moved(i, step, j, 1 / step) || try_moved(i, 1 / step, j, step);
      }
    }
    return better;
  }

  Descent result() && { return std::move(best_); }

 private:
  bool try_moved(std::size_t i, double factor_i, std::size_t j, double factor_j) {
    std::vector<double> at = best_.at;
    at[i] *= factor_i;
    at[j] *= factor_j;
    for (const std::size_t k : {i, j}) at[k] = std::clamp(at[k], ranges_[k].least, ranges_[k].most);
    const double cost = cost_(at);
    if (!(cost < best_.cost * (1 - kLeastGain))) return false;
    best_ = {std::move(at), cost};
    return true;
  }

  const Cost& cost_;
  std::span<const Range> ranges_;
  Descent best_;
};

}  // namespace

Descent descended(const Cost& cost, std::vector<double> start, std::span<const Range> ranges) {
  LOCKSTEP_ASSERT(start.size() == ranges.size());
  for (std::size_t i = 0; i < start.size(); ++i) {
    LOCKSTEP_ASSERT(start[i] > 0 && start[i] >= ranges[i].least && start[i] <= ranges[i].most);
  }
  Search search(cost, std::move(start), ranges);
  for (const double step : kSteps) {
    for (int i = 0; i < kMostRounds && search.round(step); ++i) {
    }
  }
  return std::move(search).result();
}

}  // namespace lockstep
