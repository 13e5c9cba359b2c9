// NCCL's own model of its algorithms and protocols: NVIDIA/nccl v2.30.7, src/graph/tuning.cc.
#pragma once

namespace lockstep {

struct NcclConstants {
  double channels = 24;
  bool operator==(const NcclConstants&) const = default;
};

}  // namespace lockstep
