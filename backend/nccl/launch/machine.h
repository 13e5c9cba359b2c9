// The GPUs of this machine, as values. They are looked at in a child (probe.h): a process that has
// touched CUDA cannot fork others that use it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "backend/process/bytes.h"
#include "sim/base/error.h"

namespace lockstep::nccl {

// CUDA's compute capability: 9.0 is Hopper's.
struct Capability {
  int major = 0;
  int minor = 0;
  auto operator<=>(const Capability&) const = default;
};

struct Gpu {
  std::string name;               // "NVIDIA H200"
  std::int64_t memory_total = 0;  // bytes
  std::int64_t memory_free = 0;   // when it was looked at
  Capability capability;
  bool is_exclusive = false;  // it serves one process at a time (compute mode EXCLUSIVE_PROCESS)
  bool operator==(const Gpu&) const = default;
};

struct Machine {
  std::vector<Gpu> gpus;    // in CUDA's order, those of CUDA_VISIBLE_DEVICES where that is set
  int driver_version = 0;   // the newest CUDA that the driver knows: 13000 is 13.0; 0: no driver
  int runtime_version = 0;  // the CUDA that this program was built with, likewise
  int nccl_version = 0;     // 22809 is 2.28.9; 0: no NCCL
  std::string mps_control;  // where nvidia-cuda-mps-control is; empty: it was not found
  std::string trouble;      // what CUDA, NCCL or the look itself said; empty: nothing
  bool operator==(const Machine&) const = default;
};

process::Buffer encode(const Machine& machine);
// Throws process::BytesError.
Machine decode_machine(std::span<const std::byte> bytes);

// Why nothing can run on this machine's GPUs, and what to do; nothing if something can. `oldest`:
// the least capability that the kernels were built for.
std::optional<Diagnostic> refusal(const Machine& machine, Capability oldest);
// The same of a build without CUDA and NCCL.
Diagnostic not_built_in();

// "1 NVIDIA H200 (139.8 GiB), CUDA 13.0, NCCL 2.28.9"
std::string text_of(const Machine& machine);
std::string cuda_version_text(int version);  // "13.0"
std::string nccl_version_text(int version);  // "2.28.9"
std::string gibibytes(std::int64_t bytes);   // "139.8 GiB"

}  // namespace lockstep::nccl
