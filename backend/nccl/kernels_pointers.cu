#include "backend/nccl/kernels.h"
#include "backend/nccl/kernels_launch.cuh"

namespace lockstep::nccl {
namespace {

constexpr std::size_t kMost = 128;  // in one launch: arguments have 4 KiB on every device
struct Pointers {
  const void* of[kMost];
};

__global__ void write(Pointers pointers, unsigned count, const void** to) {
  if (threadIdx.x < count) to[threadIdx.x] = pointers.of[threadIdx.x];
}

}  // namespace

void write_pointers(Device& device, std::span<const void* const> pointers, const void** to) {
  for (std::size_t first = 0; first < pointers.size(); first += kMost) {
    const std::size_t count = std::min(kMost, pointers.size() - first);
    Pointers some{};
    for (std::size_t i = 0; i < count; ++i) some.of[i] = pointers[first + i];
    write<<<1, kMost, 0, device.stream()>>>(some, static_cast<unsigned>(count), to + first);
    check_launch("writing pointers");
  }
}

}  // namespace lockstep::nccl
