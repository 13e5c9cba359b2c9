// How a rank reaches the others from its GPU. NCCL is one way (communicators.h); a test may have
// another.
#pragma once

#include <vector>

#include "backend/nccl/device_values.h"
#include "backend/nccl/launch/nccl_call.h"

namespace lockstep::nccl {

// Of the call in hand, for errors; and where it goes.
struct CallSite {
  int operation = 0;
  int communicator = 0;             // of numeric::Rendezvous
  const std::vector<int>& members;  // ranks, in group order
};

class PeersOnGpus {
 public:
  PeersOnGpus() = default;
  PeersOnGpus(const PeersOnGpus&) = delete;
  PeersOnGpus& operator=(const PeersOnGpus&) = delete;
  virtual ~PeersOnGpus() = default;

  // Enqueues the calls of one NCCL group on the device's stream.
  virtual void enqueue(const CallSite& site, const std::vector<NcclCall>& calls,
                       DeviceValues& working, DeviceValues& scratch) = 0;
  // Waits until all that is enqueued has run; in bounded time. Throws NcclError, CudaError.
  virtual void wait(const CallSite& site) = 0;
};

}  // namespace lockstep::nccl
