// The server flags and environment variables that decide a rule (reference sheet, section 5.7).
#pragma once

#include <optional>

#include "sim/base/error.h"
#include "sim/serving/input.h"

namespace lockstep::sglang {

struct Settings {
  bool enable_flashinfer_allreduce_fusion = false;
  bool enforce_disable_flashinfer_allreduce_fusion = false;
  bool disable_shared_experts_fusion = false;
  bool disable_flashinfer_cutlass_moe_fp4_allgather = false;
  bool disable_cuda_graph = false;
  bool disable_cuda_graph_padding = false;
  bool shared_expert_tp1 = false;  // SGLANG_SHARED_EXPERT_TP1
  std::optional<int> cuda_graph_max_bs;
  std::string moe_runner_backend = "auto";
  std::string quantization;  // empty: the model's own
};

// An unknown flag or variable is an error with the nearest known name; one that is known but not
// modelled is refused unless it has its default value. Paths: serving.flags.NAME, serving.env.NAME.
Result<Settings> read_settings(const ServingSpec& serving);

}  // namespace lockstep::sglang
