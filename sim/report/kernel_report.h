// What kernels take, one row a shape, and by what they are bound.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "sim/cost/kernels/estimate.h"

namespace lockstep {

struct KernelRow {
  std::vector<std::pair<std::string, std::string>> shape;  // as it was asked for: {"m", "128"}
  KernelEstimate estimate;
};

struct KernelTable {
  std::string kind;  // "gemm"
  std::string hardware;
  std::vector<KernelRow> rows;
};

std::string kernel_text(const KernelTable& table);

// Schema lockstep.kernel/1: {schema, kernel, hardware, rows: [{shape, time_us, bound, TFLOPS, GBps,
// floor_us, compute_us, memory_us}]}.
nlohmann::ordered_json kernel_json(const KernelTable& table);

}  // namespace lockstep
