#include <cuda_bf16.h>
#include <cuda_fp16.h>

#include <algorithm>

#include "backend/nccl/buffer_kernels.h"
#include "backend/nccl/cuda_error.h"

namespace lockstep::nccl {
namespace {

constexpr int kThreads = 256;
constexpr std::int64_t kMostBlocks = 4096;

int blocks_for(std::int64_t count) {
  return static_cast<int>(std::min((count + kThreads - 1) / kThreads, kMostBlocks));
}

__device__ std::int64_t first_index() {
  return static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
}
__device__ std::int64_t stride() { return static_cast<std::int64_t>(gridDim.x) * blockDim.x; }

__device__ void put(float* x, std::int64_t i, float v) { x[i] = v; }
__device__ void put(__nv_bfloat16* x, std::int64_t i, float v) { x[i] = __float2bfloat16_rn(v); }
__device__ void put(__half* x, std::int64_t i, float v) { x[i] = __float2half_rn(v); }

// In float64, as the CPU folds logarithms of sums.
__device__ float worked(LocalWork work, float w, float s) {
  switch (work) {
    case LocalWork::undefined_to_infinity:
      return isnan(w) ? INFINITY : w;
    case LocalWork::infinity_to_undefined:
      return w == INFINITY ? NAN : w;
    case LocalWork::exponentials:
      return s == -INFINITY ? 0.0F
                            : static_cast<float>(exp(static_cast<double>(w) -
                                                     static_cast<double>(s)));
    case LocalWork::logarithms:
      return s == -INFINITY ? s
                            : static_cast<float>(static_cast<double>(s) +
                                                 log(static_cast<double>(w)));
    default:
      return w;
  }
}

template <class T>
__global__ void work_kernel(LocalWork work, T* working, const T* scratch, std::int64_t count) {
  for (std::int64_t i = first_index(); i < count; i += stride()) {
    put(working, i,
        worked(work, static_cast<float>(working[i]), static_cast<float>(scratch[i])));
  }
}

__global__ void widen_kernel(const float* from, double* to, std::int64_t count) {
  for (std::int64_t i = first_index(); i < count; i += stride()) {
    to[i] = static_cast<double>(from[i]);
  }
}

// Calls `with` with a null pointer of the element's C++ type.
template <class Function>
void for_type(ElementType type, Function with) {
  switch (type) {
    case ElementType::float32:
      return with(static_cast<float*>(nullptr));
    case ElementType::bfloat16:
      return with(static_cast<__nv_bfloat16*>(nullptr));
    case ElementType::float16:
      return with(static_cast<__half*>(nullptr));
  }
}

}  // namespace

void work_on_elements(cudaStream_t stream, LocalWork work, void* working, const void* scratch,
                      std::int64_t count, ElementType type) {
  if (count == 0) return;
  for_type(type, [&]<class T>(T*) {
    const T* beside = scratch == nullptr ? static_cast<const T*>(working)
                                         : static_cast<const T*>(scratch);
    work_kernel<<<blocks_for(count), kThreads, 0, stream>>>(work, static_cast<T*>(working), beside,
                                                            count);
  });
  check_launch("work_on_elements");
}

void widen(cudaStream_t stream, const float* from, double* to, std::int64_t count) {
  if (count == 0) return;
  widen_kernel<<<blocks_for(count), kThreads, 0, stream>>>(from, to, count);
  check_launch("widen");
}

}  // namespace lockstep::nccl
