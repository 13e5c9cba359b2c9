// What NCCL does, on vectors of a single process: the meaning of each call as NCCL's documentation
// tells it, without any algorithm.
#pragma once

#include <vector>

#include "backend/nccl/launch/nccl_call.h"

namespace lockstep::test {

// Of one member.
struct NcclBuffers {
  std::vector<double> working;
  std::vector<double> scratch;
};

// Carries the groups of all members out; `groups` and `buffers` by member. Throws
// std::runtime_error where NCCL would hang, refuse, or do what its documentation leaves open:
// calls that do not fit together, buffers that overlap without being in place, a call that reads
// what another one of its group writes.
void run_nccl(const std::vector<std::vector<nccl::NcclGroup>>& groups,
              std::vector<NcclBuffers>& buffers);

}  // namespace lockstep::test
