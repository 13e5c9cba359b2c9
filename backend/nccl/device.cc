#include "backend/nccl/device.h"

#include <fmt/format.h>

#include <chrono>
#include <thread>

#include "backend/nccl/cuda_error.h"

namespace lockstep::nccl {
namespace {

// What cuBLAS asks for on compute capability 9.0 (cuBLAS documentation, cublasSetWorkspace). Given
// by us, so that it allocates nothing itself: it must not while a graph is captured, and with one
// workspace for one stream its results are the same every time.
constexpr std::int64_t kWorkspaceBytes = std::int64_t{32} << 20;

// Of what is enqueued when a rank ends: nothing, but after a fault.
constexpr std::chrono::seconds kLongestEnd{2};

}  // namespace

int device_count(std::string* why) {
  int count = 0;
  const cudaError_t status = cudaGetDeviceCount(&count);
  if (status == cudaSuccess && count > 0) return count;
  static_cast<void>(cudaGetLastError());
  const cudaError_t told = status == cudaSuccess ? cudaErrorNoDevice : status;
  if (why != nullptr) {
    *why = fmt::format("{} ({})", cudaGetErrorString(told), cudaGetErrorName(told));
  }
  return 0;
}

Device::Device(int index) : index_(index) {
  check(cudaSetDevice(index), "choosing the device");
  check(cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking), "making a stream");
  check(cublasCreate(&cublas_), "starting cuBLAS");
  workspace_ = memory_.allocate(kWorkspaceBytes);
  check(cublasSetStream(cublas_, stream_), "giving cuBLAS its stream");
  check(cublasSetWorkspace(cublas_, workspace_.get(), static_cast<std::size_t>(kWorkspaceBytes)),
        "giving cuBLAS its workspace");
  // Sums of parts of a product stay in float32 (cublasMath_t is an enumeration of flags).
  const int mode = static_cast<int>(CUBLAS_DEFAULT_MATH) |
                   static_cast<int>(CUBLAS_MATH_DISALLOW_REDUCED_PRECISION_REDUCTION);
  check(cublasSetMathMode(cublas_, static_cast<cublasMath_t>(mode)), "setting cuBLAS's precision");
}

// Of a collective that hangs nothing ends its kernel if not NCCL. Then its memory is not given back
// either, which would wait for it: the process ends soon, and the driver has both.
bool Device::is_idle_within(std::chrono::milliseconds limit) const {
  const auto deadline = std::chrono::steady_clock::now() + limit;
  while (cudaStreamQuery(stream_) == cudaErrorNotReady) {
    static_cast<void>(cudaGetLastError());
    if (std::chrono::steady_clock::now() >= deadline) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return true;
}

Device::~Device() {
  // A fault here was told before, or shows in the next call.
  if (stream_ != nullptr && !is_idle_within(kLongestEnd)) {
    memory_.leave();
    return;
  }
  if (cublas_ != nullptr) static_cast<void>(cublasDestroy(cublas_));
  if (stream_ != nullptr) static_cast<void>(cudaStreamDestroy(stream_));
}

void Device::upload(std::span<const std::byte> from, void* to) {
  if (from.empty()) return;
  // From pageable memory: CUDA has read it when the call returns.
  check(cudaMemcpyAsync(to, from.data(), from.size(), cudaMemcpyHostToDevice, stream_),
        "copying to the device");
}

void Device::download(const void* from, std::span<std::byte> to) {
  if (!to.empty()) {
    check(cudaMemcpyAsync(to.data(), from, to.size(), cudaMemcpyDeviceToHost, stream_),
          "copying from the device");
  }
  synchronize();
}

void Device::synchronize() { check(cudaStreamSynchronize(stream_), "waiting for the device"); }

}  // namespace lockstep::nccl
