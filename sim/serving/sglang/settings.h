// The server flags and environment variables that decide a rule (reference sheet, section 5.7).
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "sim/base/error.h"
#include "sim/serving/input.h"
#include "sim/serving/sglang/timeline.h"

namespace lockstep::sglang {

struct Settings {
  bool enable_flashinfer_allreduce_fusion = false;
  bool enforce_disable_flashinfer_allreduce_fusion = false;
  bool disable_shared_experts_fusion = false;
  bool disable_flashinfer_cutlass_moe_fp4_allgather = false;
  bool disable_cuda_graph = false;
  bool disable_cuda_graph_padding = false;
  bool enable_deterministic_inference = false;
  bool shared_expert_tp1 = false;  // SGLANG_SHARED_EXPERT_TP1
  bool dp_use_gatherv = false;     // SGLANG_DP_USE_GATHERV
  std::optional<int> cuda_graph_max_bs;
  std::string moe_runner_backend = "auto";
  std::string quantization;  // empty: the model's own
  std::string boundary_reduction = "auto";
  std::string prefill_graph;       // cuda_graph_backend_prefill; empty: auto
  std::vector<std::string> notes;  // settings that are known to change nothing here
};

// An unknown flag or variable is an error with the nearest known name; one that is known but not
// modelled is refused unless it has its default value, and so is one that does not exist yet at the
// revision. Paths: serving.flags.NAME, serving.env.NAME.
Result<Settings> read_settings(const ServingSpec& serving, const Revision& revision);

}  // namespace lockstep::sglang
