#include "sim/cost/timeline/works.h"

#include <string>

namespace lockstep {
namespace {

Duration time_of(const NamedKernel& named, const CostModel& cost) {
  try {
    return cost.kernel(named.kernel);
  } catch (const ClockOverflow&) {
    throw ClockOverflow("kernel " + std::string(named.name));
  }
}

}  // namespace

// Of the device, between two kernels.
Duration Works::gap(LaunchStyle style) const {
  switch (style) {
    case LaunchStyle::graph:
      return from_microseconds(launch_.graph_node_us);
    case LaunchStyle::eager:
      return from_microseconds(launch_.eager_gap_us);
    case LaunchStyle::nccl_tests:
      return Duration::zero();
  }
  return Duration::zero();
}

int Works::of(const Shape& shape, LaunchStyle style) {
  const auto next = static_cast<int>(works_.size());
  const auto [entry, is_new] = known_.try_emplace({shape, style}, next);
  if (!is_new) return entry->second;
  Work& work = works_.emplace_back(Work{shape, {}, {}});
  for (const NamedKernel& named : kernels_of(shape, model_)) {
    const Duration duration = gap(style) + time_of(named, cost_);
    work.kernels.push_back({named.name, named.kernel, duration});
    work.duration += duration;
  }
  return next;
}

}  // namespace lockstep
