// What kernels take, one row a shape, and by what they are bound.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "backend/nccl/launch/kernel_times.h"
#include "sim/cost/kernels/estimate.h"

namespace lockstep {

struct KernelRow {
  std::vector<std::pair<std::string, std::string>> shape;  // as it was asked for: {"m", "128"}
  KernelEstimate estimate;
  std::optional<nccl::KernelTime> measured = {};  // where that was asked for
};

struct KernelTable {
  std::string kind;  // "gemm"
  std::string hardware;
  std::vector<KernelRow> rows;
  std::string machine = {};   // that measured; empty: none
  std::string accuracy = {};  // accuracy_line() of the hardware; "": nothing is said
};

std::string kernel_text(const KernelTable& table);

// Schema lockstep.kernel/1: {schema, kernel, hardware, hardware_accuracy, rows: [{shape, time_us,
// bound, TFLOPS, GBps, floor_us, compute_us, memory_us}]}. Where kernels were measured also
// `machine`, and in a row `measured: {median_us, low_us, high_us}` and `error_percent` of the
// prediction, or `not_measured`: why.
nlohmann::ordered_json kernel_json(const KernelTable& table);

}  // namespace lockstep
