// How much memory a replay needs on each GPU, from the plan alone, before anything starts. Every
// figure is an upper bound where it depends on what routers choose.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "backend/nccl/launch/machine.h"
#include "backend/nccl/launch/placement.h"
#include "backend/numeric/storage.h"
#include "sim/base/error.h"
#include "sim/plan/plan.h"

namespace lockstep::nccl {

// What libraries take, in bytes. Guesses on the safe side that nobody has measured yet, but for the
// workspace, which Device allocates, and a peer's channels: up to 32 of about 12 MiB (buffers of
// the three protocols, src/transport/p2p.cc of NVIDIA/nccl v2.28.9).
struct MemoryConstants {
  std::int64_t context = std::int64_t{640} << 20;       // of a process: CUDA, kernels, cuBLAS
  std::int64_t workspace = std::int64_t{32} << 20;      // of cuBLAS (device.cc)
  std::int64_t communicator = std::int64_t{640} << 20;  // of NCCL, between GPUs
  // Of each peer that messages of its own go to: all-to-all, send and receive between GPUs.
  std::int64_t peer = std::int64_t{400} << 20;
  // The same over sockets, whose buffers are mostly the host's.
  std::int64_t socket_communicator = std::int64_t{96} << 20;
  double spare = 0.05;  // of what is free: fragments, rounding of block sizes
};

// Bytes of one rank.
struct MemoryNeed {
  std::int64_t weights = 0;  // all that the rank uses, kept
  std::int64_t drawn = 0;    // those of the largest operation: what must be there at once
  std::int64_t tensors = 0;  // of the plan, which are kept to its end
  std::int64_t caches = 0;
  std::int64_t insides = 0;        // of the largest operation, in float32
  std::int64_t communication = 0;  // buffers of the largest collective
  std::int64_t libraries = 0;      // CUDA, cuBLAS, NCCL

  std::int64_t beside_weights() const {
    return tensors + caches + insides + communication + libraries;
  }
  std::int64_t least() const { return drawn + beside_weights(); }   // nothing kept
  std::int64_t most() const { return weights + beside_weights(); }  // all kept, drawn once
  bool operator==(const MemoryNeed&) const = default;
};

// REQUIRES: the plan is valid, 0 <= rank < world.
MemoryNeed memory_need(const Plan& plan, int rank, numeric::Storage storage, bool shares_gpu,
                       const MemoryConstants& constants = {});

// What the observer needs beside them, if it computes its reference on GPU 0.
std::int64_t reference_need(const Plan& plan, const MemoryConstants& constants = {});

struct MemoryPlan {
  // By rank: bytes of weights that it may keep (DeviceWeights). Those beyond are drawn again
  // whenever they are needed.
  std::vector<std::int64_t> weight_budgets;
  // "GPU 0: 8 ranks need 71.2 GiB of 139.0 GiB free: weights 60.1, tensors 1.0, ..."; one a GPU.
  std::vector<std::string> texts;
  bool keeps_all_weights = false;
};

// Refuses where not even what must be there at once fits. `reference`: bytes on GPU 0 that nobody
// else may have.
Result<MemoryPlan> plan_memory(const std::vector<MemoryNeed>& needs, const Placement& placement,
                               const Machine& machine, std::int64_t reference,
                               const MemoryConstants& constants = {});

}  // namespace lockstep::nccl
