// How kernels are launched. Only for .cu files.
#pragma once

#include <cuda_runtime.h>

#include <algorithm>
#include <cstdint>

#include "backend/nccl/cuda_error.h"
#include "backend/nccl/device_values.h"
#include "backend/nccl/kernels_elements.cuh"
#include "sim/base/require.h"

namespace lockstep::nccl {

// f(T{}) with the T that `type` names.
template <class F>
void with_type(ElementType type, F&& f) {
  switch (type) {
    case ElementType::float32:
      return f(float{});
    case ElementType::bfloat16:
      return f(__nv_bfloat16{});
    case ElementType::float16:
      return f(__half{});
  }
}

template <class T>
const T* elements(const DeviceValues& x) {
  return static_cast<const T*>(x.data());
}
template <class T>
T* elements(DeviceValues& x) {
  return static_cast<T*>(x.data());
}

inline constexpr unsigned kThreads = 256;

// Enough blocks of kThreads for `count` threads; threads that have more than one do them in a loop.
inline unsigned blocks_for(std::uint64_t count) {
  constexpr std::uint64_t kMostBlocks = std::uint64_t{1} << 20;
  return static_cast<unsigned>(std::min((count + kThreads - 1) / kThreads, kMostBlocks));
}

// out(r, c) = f(r, c) for all elements. REQUIRES: count < 2^32, so that a row is found with a
// division of 32 bits. f may read out(r, c) itself, and nothing else of `out`.
template <class T, class F>
__global__ void each_element(T* out, std::uint64_t count, std::uint32_t columns, F f) {
  const std::uint64_t step = std::uint64_t{gridDim.x} * blockDim.x;
  for (std::uint64_t i = std::uint64_t{blockIdx.x} * blockDim.x + threadIdx.x; i < count;
       i += step) {
    const auto element = static_cast<std::uint32_t>(i);
    const std::uint32_t r = element / columns;
    out[i] = rounded<T>(f(r, element - r * columns));
  }
}

// Enqueues it. `what`: the name of the operation, for an error.
template <class T, class F>
void for_each_element(Device& device, DeviceValues& out, const char* what, const F& f) {
  const auto count = static_cast<std::uint64_t>(out.element_count());
  if (count == 0) return;
  LOCKSTEP_ASSERT(count >> 32 == 0);
  each_element<T><<<blocks_for(count), kThreads, 0, device.stream()>>>(
      elements<T>(out), count, static_cast<std::uint32_t>(out.columns()), f);
  check_launch(what);
}

// ---- sums over a block --------------------------------------------------------------------------

inline constexpr unsigned kWarp = 32;
inline constexpr unsigned kAllLanes = 0xFFFFFFFFU;

// The sum over the lanes of a warp, in all of them, in an order that is always the same.
__device__ inline float warp_sum(float v) {
  for (unsigned offset = kWarp / 2; offset > 0; offset /= 2) {
    v += __shfl_xor_sync(kAllLanes, v, static_cast<int>(offset));
  }
  return v;
}

// The sum over all threads of a block, in all of them. REQUIRES: all threads call it; blockDim.x is
// a multiple of a warp.
__device__ inline float block_sum(float v) {
  __shared__ float of_warps[kWarp];
  const unsigned lane = threadIdx.x % kWarp;
  const unsigned warp = threadIdx.x / kWarp;
  v = warp_sum(v);
  __syncthreads();  // the sums of an earlier call have been read
  if (lane == 0) of_warps[warp] = v;
  __syncthreads();
  return warp_sum(lane < blockDim.x / kWarp ? of_warps[lane] : 0.0F);
}

}  // namespace lockstep::nccl
