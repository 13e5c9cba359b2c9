// The all-reduces of SGLang, vLLM and TensorRT-LLM: one kernel in which every rank reads or writes
// the memory of its peers over NVLink.
//
// n ranks, S bytes a rank, all constants of AllReduceConstants:
//
//   one-shot  one_shot_us + (n - 2) rank_us + (n - 1) S / one_shot_GBps + fill
//             every rank gets the whole buffer of every peer and sums it alone; from one peer no
//             more than one_peer_GBps, so that few peers do not fill the link
//   two-shot  two_shot_us + (n - 2) two_shot_rank_us + 2 (n - 1) / n S / two_shot_GBps
//             every rank sums its n-th part, then gets the parts of the others
//   multimem  multimem_us + (n + 1) / n S / multimem_GBps
//             the switch sums: a rank's link carries its buffer to the switch and its part of the
//             result, which the switch copies to all
//
// fill = fill_us min(1, (n - 1) S / 0.5 MB): how long the links take to be full. Which one it is
// follows from the limits by size. A graph's node costs that time. An eager call first copies the
// buffer, 2 S / copy_GBps (read and written), and costs at least eager_us: the host is slower than
// the GPU.
#pragma once

#include <cstddef>
#include <optional>

#include "sim/cost/collective_call.h"
#include "sim/cost/hardware.h"

namespace lockstep {

// Nothing if the call is above the system's limit, on several nodes, or among more than 8 ranks:
// then it is NCCL's. `call.algorithm`: "" by size, "one-shot", "two-shot", "multimem" whatever the
// size, or "fused-norm": the kernel of the size that also norms. REQUIRES: an all_reduce.
std::optional<CollectiveTime> custom_all_reduce_time(const CollectiveCall& call,
                                                     const Hardware& hardware,
                                                     const AllReduceConstants& constants);

// The largest buffer of one rank, in MiB, that the system's own kernel takes; 0: it takes none,
// here or among so many ranks.
double all_reduce_limit_MiB(std::size_t ranks, const AllReduceConstants& constants);

}  // namespace lockstep
