// Fits the constants of NCCL's algorithms and protocols to runs of nccl-tests.
#pragma once

#include <string>
#include <vector>

#include "sim/cost/hardware.h"
#include "sim/cost/nccl/log.h"

namespace lockstep {

struct CalibratedConstant {
  std::string path;  // "nccl.simple.GBps"
  std::string unit;
  double before = 0;  // of the base
  double after = 0;
  std::string doubt;  // why nobody should believe it (doubts.h); "" if nothing speaks against it
};

struct CalibratedPoint {
  std::size_t run = 0;
  std::int64_t bytes = 0;
  double measured_us = 0;
  double before_us = 0;  // by the base
  double after_us = 0;
  std::string path;  // "ring/LL", as the calibrated hardware chooses
};

// Somewhere between two sizes that were measured the time steps: NCCL changes its protocol.
struct ProtocolStep {
  std::size_t run = 0;
  std::int64_t below = 0;  // bytes
  std::int64_t above = 0;
  double step_us = 0;     // beyond what the bytes between them explain
  std::string model;      // "ring/LL -> ring/Simple"; "": the model has no step there
  bool measured = false;  // false: only the model has one
};

struct Calibration {
  Hardware hardware;
  std::vector<CalibratedConstant> fitted;  // at most half as many as points
  std::vector<CalibratedPoint> points;     // in the order of runs
  std::vector<ProtocolStep> steps;
  double median_error = 0;  // |after / measured - 1|
  double worst_error = 0;
};

// Nodes of the run as `node` sees them: hosts of one NVLink network are one node, and a host with
// more GPUs than a node has is several.
int nodes_of(const NcclRun& run, const NodeConstants& node);

// A call as the run made it. Ranks fill nodes in order.
CollectiveCall call_of(const NcclRun& run, std::int64_t bytes, const NodeConstants& node);

// Constants that no point depends on stay those of `base`. Where points are few, the constants
// that explain most are fitted. Deterministic. REQUIRES: runs have points.
Calibration calibrate(const std::vector<NcclRun>& runs, const Hardware& base);

}  // namespace lockstep
