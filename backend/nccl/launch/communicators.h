// What a rank needs of NCCL, as an interface: NCCL itself (backend/nccl/nccl_communicators.h), or
// in tests something that needs no GPU.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "backend/nccl/launch/nccl_call.h"
#include "backend/numeric/storage.h"

struct CUstream_st;  // CUDA's; cudaStream_t is a pointer to it

namespace lockstep::nccl {

using Stream = CUstream_st*;

// The buffers of one rank that calls work on, in the memory of its GPU; each has the elements that
// buffer_elements() says. `scratch` may be null where no call works on it.
struct CallBuffers {
  void* working = nullptr;
  void* scratch = nullptr;
  numeric::Storage type = numeric::Storage::float32;
};

// Communicators have the numbers of numeric::Rendezvous. All members of one issue the same groups
// in the same order.
class Communicators {
 public:
  Communicators() = default;
  Communicators(const Communicators&) = delete;
  Communicators& operator=(const Communicators&) = delete;
  // Aborts what was not closed.
  virtual ~Communicators() = default;

  // Enqueues `calls` on `stream` as one group. Returns when they are enqueued, not when they have
  // run. No calls: does nothing. `what`: for errors, "all_reduce over tp".
  // Throws NcclError.
  virtual void issue(int communicator, std::span<const NcclCall> calls, const CallBuffers& buffers,
                     Stream stream, const std::string& what) = 0;

  // Waits until everything has run that was enqueued on `stream`, calls and kernels; `communicator`
  // and `what`: of the last call, for errors. Throws NcclError if a member fails, or if nobody gets
  // anything done any more; then all communicators have been aborted.
  virtual void wait(int communicator, Stream stream, const std::string& what) = 0;

  // How many members a communicator has, as the library says. REQUIRES: this rank is one.
  virtual int members(int communicator) const = 0;

  // All members close when they are through. Throws NcclError.
  virtual void close() = 0;
};

}  // namespace lockstep::nccl
