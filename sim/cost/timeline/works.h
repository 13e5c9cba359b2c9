// What operations run on a rank, with durations; equal shapes are computed once.
#pragma once

#include <map>
#include <string_view>
#include <utility>
#include <vector>

#include "sim/cost/cost_model.h"
#include "sim/cost/timeline/kernels_of.h"
#include "sim/cost/timeline/shape.h"

namespace lockstep {

struct TimedKernel {
  std::string_view name;
  Kernel kernel;
  Duration duration{};  // with the gap before it, which depends on the launch style
};

struct Work {
  Shape shape;
  std::vector<TimedKernel> kernels;
  Duration duration{};  // of all of them
};

class Works {
 public:
  Works(const Model& model, const CostModel& cost, const LaunchConstants& launch)
      : model_(model), cost_(cost), launch_(launch) {}

  // An index into all().
  int of(const Shape& shape, LaunchStyle style);
  const std::vector<Work>& all() const { return works_; }
  std::vector<Work> take() { return std::move(works_); }

 private:
  Duration gap(LaunchStyle style) const;

  const Model& model_;
  const CostModel& cost_;
  const LaunchConstants& launch_;
  std::vector<Work> works_;
  std::map<std::pair<Shape, LaunchStyle>, int> known_;
};

}  // namespace lockstep
