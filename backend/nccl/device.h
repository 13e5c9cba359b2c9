// One GPU as one rank uses it: one stream, cuBLAS on it, and memory. Everything that a rank
// computes is enqueued on that stream, in order; nothing waits unless it says so.
#pragma once

#include <cublas_v2.h>
#include <cuda_runtime_api.h>

#include <chrono>
#include <cstdint>
#include <span>
#include <string>

#include "backend/nccl/device_memory.h"

namespace lockstep::nccl {

// How many CUDA devices there are here. If none, `why` says what is missing: "no CUDA-capable
// device is detected (cudaErrorNoDevice)".
int device_count(std::string* why = nullptr);

class Device {
 public:
  // Makes the device current for this thread. Throws CudaError.
  explicit Device(int index);
  Device(const Device&) = delete;
  Device& operator=(const Device&) = delete;
  ~Device();

  int index() const { return index_; }
  cudaStream_t stream() const { return stream_; }
  cublasHandle_t cublas() const { return cublas_; }
  DeviceMemory& memory() { return memory_; }

  // Enqueues the copy; `from` may change afterwards. `to` has as many bytes.
  void upload(std::span<const std::byte> from, void* to);
  // Waits for everything before it, and for the copy.
  void download(const void* from, std::span<std::byte> to);
  // Waits until all that is enqueued has run. Throws what went wrong in it.
  void synchronize();

 private:
  bool is_idle_within(std::chrono::milliseconds limit) const;

  int index_;
  DeviceMemory memory_;
  Block workspace_;
  cudaStream_t stream_ = nullptr;
  cublasHandle_t cublas_ = nullptr;
};

}  // namespace lockstep::nccl
