// From an NcclCall to NCCL's functions, and from what these say to words.
#pragma once

#include <nccl.h>

#include <string>

#include "backend/nccl/launch/communicators.h"

namespace lockstep::nccl {

// Calls the function of `call`, within a group or not.
ncclResult_t enqueue(const NcclCall& call, const CallBuffers& buffers, ncclComm_t communicator,
                     Stream stream);

std::string name_of(ncclResult_t result);  // "ncclRemoteError"
// NCCL's words for it, and the last that it said on this communicator, which may be null.
std::string last_words(ncclResult_t result, ncclComm_t communicator);

}  // namespace lockstep::nccl
