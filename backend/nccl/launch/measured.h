// What the timed runs of all ranks say of each operation and step: medians and quartiles over the
// repetitions, kernels and collectives apart, and of collectives the waiting apart from the
// transfer.
#pragma once

#include <span>
#include <vector>

#include "backend/nccl/launch/gpu_report.h"
#include "sim/plan/plan.h"

namespace lockstep::nccl {

// Of a sample in microseconds: its median, and the quartiles below and above.
struct Spread {
  double median_us = 0;
  double low_us = 0;
  double high_us = 0;
  // (high - low) / median; 0 of nothing.
  double relative() const { return median_us > 0 ? (high_us - low_us) / median_us : 0; }
  bool operator==(const Spread&) const = default;
};
// Linear between neighbours: quartile q of n values is at q (n - 1). Of nothing all are 0.
Spread spread_of(std::vector<double> sample);

struct MeasuredOperation {
  int operation = 0;
  bool is_graph = false;
  bool communicates = false;
  int repetitions = 0;
  // Of a local operation: from its beginning to its end on a rank, of the ranks the slowest; of one
  // that communicates: from when the last member came to when the last was through.
  Spread time;
  // From when a member came to when the last one did, the mean over the members.
  Spread waiting;
};

struct MeasuredStep {
  int step = 0;
  bool is_graph = false;
  int repetitions = 0;
  Spread time;  // from the first beginning of any rank to the last end
};

struct Measured {
  std::vector<MeasuredOperation> operations;  // in plan order
  std::vector<MeasuredStep> steps;
};

// `reports`: of all ranks. Repetition i of a step is the same on all ranks. An operation that a
// rank executes in several parts (a collective of several tensors) counts from the first to the
// last.
Measured measured(const Plan& plan, std::span<const GpuReport> reports);

}  // namespace lockstep::nccl
