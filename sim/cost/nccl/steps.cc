#include "sim/cost/nccl/steps.h"

#include <algorithm>

namespace lockstep {
namespace {

// Of the time before it: below, a step is taken for noise.
constexpr double kLeastStep = 0.15;

double slope(const CalibratedPoint& a, const CalibratedPoint& b) {
  return (b.measured_us - a.measured_us) / static_cast<double>(b.bytes - a.bytes);
}

// Between points i and i + 1, beyond what their bytes cost at the dearer of the slopes before and
// after; 0 at the ends of a run. A chosen path costs about as much per byte throughout, so what is
// dearer than both neighbours is a step.
double step_after(const std::vector<CalibratedPoint>& points, std::size_t i) {
  const bool inside = i >= 1 && i + 2 < points.size() && points[i - 1].run == points[i + 2].run;
  if (!inside) return 0;
  const double around =
      std::max({0.0, slope(points[i - 1], points[i]), slope(points[i + 1], points[i + 2])});
  const double bytes = static_cast<double>(points[i + 1].bytes - points[i].bytes);
  return points[i + 1].measured_us - points[i].measured_us - around * bytes;
}

}  // namespace

std::vector<ProtocolStep> protocol_steps(const std::vector<CalibratedPoint>& points) {
  std::vector<ProtocolStep> steps;
  for (std::size_t i = 0; i + 1 < points.size(); ++i) {
    const CalibratedPoint& a = points[i];
    const CalibratedPoint& b = points[i + 1];
    if (a.run != b.run || a.bytes == b.bytes) continue;
    const double step_us = step_after(points, i);
    const bool measured = step_us > kLeastStep * a.measured_us;
    if (!measured && a.path == b.path) continue;
    const std::string model = a.path == b.path ? "" : a.path + " -> " + b.path;
    steps.push_back({a.run, a.bytes, b.bytes, step_us, model, measured});
  }
  return steps;
}

}  // namespace lockstep
