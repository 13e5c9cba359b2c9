// What a replay on GPUs tells beside its verdict.
#pragma once

#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "backend/nccl/launch/gpu_replay.h"
#include "sim/plan/plan.h"
#include "sim/report/run_report.h"

namespace lockstep {

// What `lockstep run` says of the plan that was measured, on some hardware.
struct GpuPrediction {
  std::string hardware;
  std::map<int, double> operation_us;  // on the slowest rank, without waiting
  std::vector<double> step_us;
};
// Nothing where the plan cannot run to its end.
std::optional<GpuPrediction> prediction_of(const RunOfPlan& run);

// `predicted`: null where nothing is.
std::string gpu_text(const Plan& plan, const nccl::GpuReplayOutcome& outcome,
                     const GpuPrediction* predicted);
// The member "gpu" of lockstep.replay/1: docs/replay.md.
nlohmann::ordered_json gpu_json(const Plan& plan, const nccl::GpuReplayOutcome& outcome,
                                const GpuPrediction* predicted);

}  // namespace lockstep
