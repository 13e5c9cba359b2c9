// What a rank on a GPU tells the coordinator when it is through.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "backend/nccl/launch/call_list.h"

namespace lockstep::nccl {

struct GpuReport {
  CallList called;
  std::int64_t peak_bytes = 0;  // of the GPU's memory, in blocks that somebody held
};

std::vector<std::byte> encode(const GpuReport& report);
// Throws process::BytesError.
GpuReport decode_gpu_report(std::span<const std::byte> bytes);

}  // namespace lockstep::nccl
