// One collective as the cost models see it, and what it costs.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "sim/base/time.h"
#include "sim/cost/launch_constants.h"

namespace lockstep {

enum class Collective : std::uint8_t {
  all_reduce,
  all_gather,
  reduce_scatter,
  all_to_all,
  broadcast,
  reduce,
  send_recv,
  all_gatherv,      // as SGLang does it: grouped broadcasts
  reduce_scatterv,  // as SGLang does it: grouped reduces, one to each member (`sizes`)
  all_to_allv,      // `sizes`: entry i * n + j from member i to member j
  dispatch,         // of a mixture of experts, by routing (DeepEP)
  combine,
  barrier,
};
std::string to_string(Collective kind);  // "all_reduce"

// Who may carry it out. `best`: whatever the library would choose.
struct CollectiveCall {
  Collective kind = Collective::all_reduce;
  std::vector<int> ranks;  // global numbers in group order; rank r is on node r / gpus
  // As nccl-tests counts: all_reduce, broadcast, reduce, send_recv: of one rank's buffer;
  // all_gather, reduce_scatter, all_to_all: of the whole buffer, ranks x chunk. Of the calls with
  // `sizes`: their sum. dispatch, combine: tokens x experts_per_token x bytes of a row without
  // scales, what one rank sends if every expert is elsewhere.
  std::int64_t bytes = 0;
  std::vector<std::int64_t> sizes;  // bytes, of the calls that have some
  int element_bytes = 2;
  LaunchStyle launch = LaunchStyle::graph;
  std::string algorithm;  // "": the best; else a name of docs/cost_models.md: "ring", "tree", ...
  std::string library;    // "": by the limits of the hardware; "nccl", "custom" (SGLang), "vllm",
                          // "trtllm", "symmetric" (NCCL on symmetric memory), "deepep"
  // dispatch and combine
  std::int64_t tokens = 0;  // of one rank, at most
  int experts_per_token = 0;
  int experts = 0;
};

// "all_reduce of 1,024 bytes among 8 ranks".
std::string describe(const CollectiveCall& call);

struct CollectiveTime {
  Duration launch{};      // before the first byte; of the launch style
  Duration latency{};     // steps of the algorithm
  Duration transfer{};    // bytes over the narrowest link
  std::string library;    // "nccl", "custom", "deepep"
  std::string algorithm;  // "ring", "tree", "nvls", "one-shot", ...
  std::string protocol;   // "LL", "LL128", "Simple"; "" where there is none
  Duration total() const { return launch + latency + transfer; }
};

}  // namespace lockstep
