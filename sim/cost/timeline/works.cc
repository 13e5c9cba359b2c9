#include "sim/cost/timeline/works.h"

namespace lockstep {

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
    const Duration duration = gap(style) + cost_.kernel(named.kernel);
    work.kernels.push_back({named.name, named.kernel, duration});
    work.duration += duration;
  }
  return next;
}

}  // namespace lockstep
