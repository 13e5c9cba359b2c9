#include "backend/nccl/buffer_kernels.h"
#include "backend/nccl/kernels_launch.cuh"

namespace lockstep::nccl {
namespace {

// In float64, as the CPU folds logarithms of sums. A working buffer is one row.
template <class T>
struct Worked {
  LocalWork work;
  const T* working;
  const T* scratch;
  __device__ float operator()(std::int64_t, std::int64_t c) const {
    const float w = wide(working[c]);
    const float s = wide(scratch[c]);
    switch (work) {
      case LocalWork::undefined_to_infinity:
        return isnan(w) ? INFINITY : w;
      case LocalWork::infinity_to_undefined:
        return w == INFINITY ? not_a_number() : w;
      case LocalWork::exponentials:
        if (s == -INFINITY) return 0.0F;
        return static_cast<float>(exp(static_cast<double>(w) - static_cast<double>(s)));
      case LocalWork::logarithms:
        if (s == -INFINITY) return s;
        return static_cast<float>(static_cast<double>(s) + log(static_cast<double>(w)));
      default:
        return w;
    }
  }
};

__global__ void widen_elements(const float* from, double* to, std::int64_t count) {
  const std::int64_t step = static_cast<std::int64_t>(gridDim.x) * blockDim.x;
  for (std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x; i < count;
       i += step) {
    to[i] = static_cast<double>(from[i]);
  }
}

}  // namespace

void work_on_elements(Device& device, LocalWork work, DeviceValues& working,
                      const DeviceValues& scratch) {
  with_type(working.type(), [&](auto t) {
    using T = decltype(t);
    const T* w = elements<T>(working);
    const T* s = scratch.element_count() == 0 ? w : elements<T>(scratch);
    for_each_element<T>(device, working, "working on the elements of a collective",
                        Worked<T>{work, w, s});
  });
}

void widen(Device& device, const DeviceValues& from, double* to) {
  const std::int64_t count = from.element_count();
  if (count == 0) return;
  widen_elements<<<blocks_for(static_cast<std::uint64_t>(count)), kThreads, 0, device.stream()>>>(
      elements<float>(from), to, count);
  check_launch("widening a matrix");
}

}  // namespace lockstep::nccl
