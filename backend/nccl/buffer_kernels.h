// The kernels of buffer_work.h.
#pragma once

#include <cuda_runtime_api.h>

#include <cstdint>

#include "backend/nccl/device_values.h"
#include "backend/nccl/launch/nccl_call.h"

namespace lockstep::nccl {

// LocalWork on each of `count` elements of `working` and `scratch`; not none, not copy_to_scratch.
void work_on_elements(cudaStream_t stream, LocalWork work, void* working, const void* scratch,
                      std::int64_t count, ElementType type);

// to[i] := double(from[i]).
void widen(cudaStream_t stream, const float* from, double* to, std::int64_t count);

}  // namespace lockstep::nccl
