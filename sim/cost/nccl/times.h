// How long the paths of NCCL take, once a kernel has started: latency, and what transfer adds.
#pragma once

#include "sim/cost/nccl/choice.h"

namespace lockstep {

struct NcclTime {
  double latency_us = 0;
  double transfer_us = 0;
  NcclProtocol protocol = NcclProtocol::simple;
};

// REQUIRES: `path` is one of nccl_choice for this shape.
NcclTime nccl_path_time(NcclPath path, const NcclShape& shape, const Hardware& hardware);

// nccl_time of a call of this shape: where many hardwares are tried, it need not be found again.
// `algorithm`: "": the best. REQUIRES: the shape is that of `hardware.node`.
CollectiveTime nccl_shape_time(const NcclShape& shape, LaunchStyle launch,
                               std::string_view algorithm, const Hardware& hardware);

}  // namespace lockstep
