// The kernels of buffer_work.h, and one of the reference's products.
#pragma once

#include <cstdint>

#include "backend/nccl/device_values.h"
#include "backend/nccl/launch/nccl_call.h"

namespace lockstep::nccl {

// LocalWork on each element of `working`, with that of `scratch` beside it; not none, not
// copy_to_scratch. A 0 x 0 `scratch`: none is read.
void work_on_elements(Device& device, LocalWork work, DeviceValues& working,
                      const DeviceValues& scratch);

// to[i] := double(from[i]). `from`: float32; `to` has as many elements.
void widen(Device& device, const DeviceValues& from, double* to);

}  // namespace lockstep::nccl
