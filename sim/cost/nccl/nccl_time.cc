#include "sim/cost/cost_model.h"
#include "sim/cost/nccl/times.h"

namespace lockstep {
namespace {

double launch_us(LaunchStyle style, const NcclLaunch& launch) {
  switch (style) {
    case LaunchStyle::nccl_tests:
      return launch.tests_us;
    case LaunchStyle::graph:
      return launch.graph_us;
    case LaunchStyle::eager:
      return launch.eager_us;
  }
  LOCKSTEP_ASSERT(false);
  return 0;
}

}  // namespace

CollectiveTime nccl_shape_time(const NcclShape& shape, LaunchStyle launch,
                               std::string_view algorithm, const Hardware& hardware) {
  CollectiveTime time;
  time.library = "nccl";
  time.launch = from_microseconds(launch_us(launch, hardware.nccl.launch));
  if (shape.ranks < 2) return time;  // one rank: nothing moves
  const NcclPath path = nccl_choice(shape, hardware, algorithm);
  const NcclTime parts = nccl_path_time(path, shape, hardware);
  time.algorithm = to_string(path.algorithm);
  time.protocol = to_string(parts.protocol);
  time.latency = from_microseconds(parts.latency_us + (shape.calls - 1) * hardware.nccl.grouped_us);
  time.transfer = from_microseconds(parts.transfer_us);
  return time;
}

CollectiveTime nccl_time(const CollectiveCall& call, const Hardware& hardware) {
  return nccl_shape_time(nccl_shape(call, hardware.node), call.launch, call.algorithm, hardware);
}

}  // namespace lockstep
