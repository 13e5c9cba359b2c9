// What a rank on a GPU tells the coordinator when it is through.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "backend/nccl/launch/call_list.h"

namespace lockstep::nccl {

// One execution of an operation on one rank: of a collective its NCCL calls alone. On the host's
// steady clock, which all processes of a host share, in microseconds.
struct OperationTime {
  int operation = 0;
  double start_us = 0;
  double end_us = 0;
};

// One repetition of a step: enqueued by the host, operation by operation, or as a CUDA graph.
struct TimedRun {
  int step = 0;
  bool is_graph = false;
  std::vector<OperationTime> operations;  // in the order of the rank
};

struct GpuReport {
  CallList called;
  std::int64_t peak_bytes = 0;  // of the GPU's memory, in blocks that somebody held
  std::vector<TimedRun> runs;
  std::string note;  // why a step that should be a CUDA graph is none; empty: nothing
};

std::vector<std::byte> encode(const GpuReport& report);
// Throws process::BytesError.
GpuReport decode_gpu_report(std::span<const std::byte> bytes);

}  // namespace lockstep::nccl
