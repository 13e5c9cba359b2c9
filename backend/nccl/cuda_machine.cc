#include "backend/nccl/cuda_machine.h"

#include <cuda_runtime_api.h>
#include <fmt/format.h>
#include <nccl.h>

#include "backend/nccl/launch/command.h"

namespace lockstep::nccl {
namespace {

// The first of what CUDA said against it.
void note(Machine& machine, cudaError_t said) {
  if (said == cudaSuccess || !machine.trouble.empty()) return;
  machine.trouble = fmt::format("{} ({})", cudaGetErrorString(said), cudaGetErrorName(said));
}

// Free memory is known only where a context is: that of each GPU in turn.
Gpu look_at_gpu(Machine& machine, int index) {
  Gpu gpu;
  cudaDeviceProp properties{};
  note(machine, cudaGetDeviceProperties(&properties, index));
  gpu.name = properties.name;
  gpu.memory_total = static_cast<std::int64_t>(properties.totalGlobalMem);
  gpu.capability = {properties.major, properties.minor};
  int mode = cudaComputeModeDefault;
  note(machine, cudaDeviceGetAttribute(&mode, cudaDevAttrComputeMode, index));
  gpu.is_exclusive = mode == cudaComputeModeExclusiveProcess;
  std::size_t free = 0;
  std::size_t total = 0;
  note(machine, cudaSetDevice(index));
  note(machine, cudaMemGetInfo(&free, &total));
  gpu.memory_free = static_cast<std::int64_t>(free);
  return gpu;
}

}  // namespace

Machine look_at_machine(const std::string& path) {
  Machine machine;
  machine.mps_control = find_program("nvidia-cuda-mps-control", path);
  note(machine, cudaDriverGetVersion(&machine.driver_version));
  note(machine, cudaRuntimeGetVersion(&machine.runtime_version));
  if (ncclGetVersion(&machine.nccl_version) != ncclSuccess) machine.nccl_version = 0;
  int count = 0;
  const cudaError_t said = cudaGetDeviceCount(&count);
  note(machine, said);
  if (said != cudaSuccess) return machine;
  for (int index = 0; index < count; ++index) machine.gpus.push_back(look_at_gpu(machine, index));
  return machine;
}

}  // namespace lockstep::nccl
