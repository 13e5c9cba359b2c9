// The collectives that serving systems bring themselves: custom all-reduce (one-shot, two-shot),
// symmetric memory, and the dispatch and combine of DeepEP.
#pragma once

namespace lockstep {

struct ServingConstants {
  double custom_all_reduce_limit_MiB = 16;  // above it the call is NCCL's
  bool operator==(const ServingConstants&) const = default;
};

}  // namespace lockstep
