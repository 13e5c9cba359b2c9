#include "backend/nccl/cuda_error.h"

#include <fmt/format.h>

#include <array>
#include <string_view>
#include <utility>

namespace lockstep::nccl {
namespace {

// After these every later call fails likewise (CUDA Runtime API, "Error handling").
bool loses_context(std::string_view name) {
  constexpr std::array<std::string_view, 8> kFatal = {
      "cudaErrorIllegalAddress",     "cudaErrorLaunchTimeout",      "cudaErrorAssert",
      "cudaErrorHardwareStackError", "cudaErrorMisalignedAddress",  "cudaErrorLaunchFailure",
      "cudaErrorECCUncorrectable",   "cudaErrorMpsClientTerminated"};
  for (const std::string_view fatal : kFatal) {
    if (name == fatal) return true;
  }
  return false;
}

}  // namespace

CudaError::CudaError(std::string name, const std::string& text, const std::string& what)
    : std::runtime_error(fmt::format("{} ({}) in {}", text, name, what)),
      name_(std::move(name)),
      is_fatal_(loses_context(name_)) {}

void check(cudaError_t status, const char* what) {
  if (status == cudaSuccess) return;
  // What is not fatal would be told again by the next call that asks for the last error.
  static_cast<void>(cudaGetLastError());
  throw CudaError(cudaGetErrorName(status), cudaGetErrorString(status), what);
}

void check(cublasStatus_t status, const char* what) {
  if (status == CUBLAS_STATUS_SUCCESS) return;
  throw CudaError(cublasGetStatusName(status), cublasGetStatusString(status), what);
}

void check_launch(const char* kernel) { check(cudaGetLastError(), kernel); }

}  // namespace lockstep::nccl
