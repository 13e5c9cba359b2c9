// What a replay on GPUs tells beside its verdict.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "backend/nccl/launch/gpu_replay.h"
#include "sim/plan/plan.h"

namespace lockstep {

std::string gpu_text(const Plan& plan, const nccl::GpuReplayOutcome& outcome);
// The member "gpu" of lockstep.replay/1: docs/replay.md.
nlohmann::ordered_json gpu_json(const Plan& plan, const nccl::GpuReplayOutcome& outcome);

}  // namespace lockstep
