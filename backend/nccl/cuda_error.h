// Errors of the CUDA runtime and of cuBLAS, as exceptions.
#pragma once

#include <cublas_v2.h>
#include <cuda_runtime_api.h>

#include <stdexcept>
#include <string>

namespace lockstep::nccl {

// what(): "out of memory (cudaErrorMemoryAllocation) in copying 12 rows", for the person who reads
// it.
class CudaError : public std::runtime_error {
 public:
  // `name`: the library's, "cudaErrorMemoryAllocation". `text`: its words. `what`: what was being
  // done, "copying 12 rows".
  CudaError(std::string name, const std::string& text, const std::string& what);

  const std::string& name() const { return name_; }
  // True where the context is lost: no later call on this device can succeed in this process.
  bool is_fatal() const { return is_fatal_; }

 private:
  std::string name_;
  bool is_fatal_ = false;
};

// Do nothing where `status` is success, else throw. A call that went before, whose error shows only
// now, is blamed on `what` too: CUDA does not say which it was.
void check(cudaError_t status, const char* what);
void check(cublasStatus_t status, const char* what);

// After a kernel was launched: throws what the launch itself got wrong.
void check_launch(const char* kernel);

}  // namespace lockstep::nccl
