#include "sim/events/fabric.h"

namespace lockstep {

Fabric uniform_fabric(int parties, Rate rate, Duration latency) {
  Fabric fabric;
  fabric.local_latency = latency;
  fabric.node.assign(static_cast<std::size_t>(parties), 0);
  for (int p = 0; p < parties; ++p) {
    const LinkId out = fabric.add_link(rate);
    fabric.local.push_back({out, fabric.add_link(rate)});
  }
  return fabric;
}

}  // namespace lockstep
