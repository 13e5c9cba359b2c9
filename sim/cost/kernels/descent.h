// Least of a function of few positive numbers, by trying steps: for functions with jumps, of which
// derivatives say nothing (waves over SMs, the best of several tiles).
#pragma once

#include <functional>
#include <span>
#include <vector>

namespace lockstep {

struct Range {
  double least = 0;
  double most = 0;
};

using Cost = std::function<double(std::span<const double>)>;

struct Descent {
  std::vector<double> at;
  double cost = 0;
};

// Each number, and each two, are multiplied and divided by a step as long as that is better; steps
// shrink from 2 to 1.005. Only * and / of doubles: the same bits everywhere.
// REQUIRES: every start > 0 and in its range.
Descent descended(const Cost& cost, std::vector<double> start, std::span<const Range> ranges);

}  // namespace lockstep
