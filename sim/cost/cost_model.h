// How long things take: what the timeline asks of the cost models.
#pragma once

#include <memory>
#include <optional>

#include "sim/base/time.h"
#include "sim/cost/collective_call.h"
#include "sim/cost/hardware.h"
#include "sim/cost/kernel.h"

namespace lockstep {

class CostModel {
 public:
  virtual ~CostModel() = default;
  // On the device, from the first instruction to the last; launching is not in it.
  virtual Duration kernel(const Kernel& kernel) const = 0;
  virtual CollectiveTime collective(const CollectiveCall& call) const = 0;
};

// By the constants of `hardware`.
std::unique_ptr<const CostModel> cost_model(const Hardware& hardware);

// The parts of it, each in its own file.
Duration kernel_time(const Kernel& kernel, const GpuConstants& gpu);             // kernels
CollectiveTime nccl_time(const CollectiveCall& call, const Hardware& hardware);  // NCCL
// The serving systems' own: custom all-reduces, DeepEP. Nothing where the call is NCCL's: above a
// system's limit by size, between nodes, of another kind, or of library "nccl".
std::optional<CollectiveTime> serving_time(const CollectiveCall& call, const Hardware& hardware);
// The serving systems' own where there is one, else NCCL's.
CollectiveTime collective_time(const CollectiveCall& call, const Hardware& hardware);

}  // namespace lockstep
