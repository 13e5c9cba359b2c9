// The hash that weights are drawn from (weights.h), eight elements at a time, on device and host.
#pragma once

#include <cstdint>

#include "backend/nccl/kernels_elements.cuh"
#include "sim/base/random.h"

namespace lockstep::nccl {

// Columns 8 * group .. 8 * group + 7 of the row: column 8 * group + j has byte j.
LOCKSTEP_BOTH inline std::uint64_t bytes_of_group(std::uint64_t row_key, std::uint64_t group) {
  return mix64(row_key ^ group);
}

LOCKSTEP_BOTH inline unsigned byte_of(std::uint64_t bytes, int j) {
  return static_cast<unsigned>(bytes >> (8 * j)) & 255U;
}

}  // namespace lockstep::nccl
