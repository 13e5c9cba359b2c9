#include "sim/serving/sglang/settings.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "sim/base/text.h"

namespace lockstep::sglang {
namespace {

struct BoolFlag {
  const char* name;
  bool Settings::*field;
};
constexpr std::array<BoolFlag, 6> kBoolFlags{{
    {"enable_flashinfer_allreduce_fusion", &Settings::enable_flashinfer_allreduce_fusion},
    {"enforce_disable_flashinfer_allreduce_fusion",
     &Settings::enforce_disable_flashinfer_allreduce_fusion},
    {"disable_shared_experts_fusion", &Settings::disable_shared_experts_fusion},
    {"disable_flashinfer_cutlass_moe_fp4_allgather",
     &Settings::disable_flashinfer_cutlass_moe_fp4_allgather},
    {"disable_cuda_graph", &Settings::disable_cuda_graph},
    {"disable_cuda_graph_padding", &Settings::disable_cuda_graph_padding},
}};

struct TextFlag {
  const char* name;
  std::string Settings::*field;
};
constexpr std::array<TextFlag, 2> kTextFlags{{
    {"moe_runner_backend", &Settings::moe_runner_backend},
    {"quantization", &Settings::quantization},
}};

// Known, but any value other than off changes what this lowering does not have.
constexpr std::array<const char*, 8> kNotModelledFlags{"enable_two_batch_overlap",
                                                       "enable_single_batch_overlap",
                                                       "enable_aiter_allreduce_fusion",
                                                       "enable_deterministic_inference",
                                                       "speculative_algorithm",
                                                       "dwdp_size",
                                                       "flashinfer_allreduce_fusion_backend",
                                                       "enforce_shared_experts_fusion"};
constexpr std::array<const char*, 5> kNotModelledVariables{
    "SGLANG_DP_SHARED_EXPERT_LOCAL", "SGLANG_DP_USE_GATHERV", "SGLANG_DP_USE_REDUCE_SCATTER",
    "SGLANG_USE_AITER", "SGLANG_USE_FUSED_PARALLEL_QKNORM"};
constexpr const char* kSharedExpertTp1 = "SGLANG_SHARED_EXPERT_TP1";

Diagnostic fault(std::string path, std::string message, std::string hint = {}) {
  Diagnostic d;
  d.path = std::move(path);
  d.message = std::move(message);
  d.hint = std::move(hint);
  return d;
}

std::string suggestion(const std::string& name, const std::vector<std::string>& known) {
  const auto near = nearest(name, known);
  return near ? fmt::format("did you mean `{}`?", *near)
              : fmt::format("known are {}", join(known, ", "));
}

bool is_off(const FlagValue& value) {
  if (const auto* flag = std::get_if<bool>(&value)) return !*flag;
  if (const auto* number = std::get_if<std::int64_t>(&value)) return *number == 0;
  const auto& text = std::get<std::string>(value);
  return text.empty() || text == "none" || text == "null";
}

std::optional<bool> parse_switch(const std::string& text) {
  if (text == "1" || text == "true" || text == "True") return true;
  if (text.empty() || text == "0" || text == "false" || text == "False") return false;
  return std::nullopt;
}

std::vector<std::string> known_flags() {
  std::vector<std::string> names{"cuda_graph_max_bs"};
  for (const BoolFlag& flag : kBoolFlags) names.emplace_back(flag.name);
  for (const TextFlag& flag : kTextFlags) names.emplace_back(flag.name);
  names.insert(names.end(), kNotModelledFlags.begin(), kNotModelledFlags.end());
  return names;
}

std::optional<Diagnostic> read_max_bs(const FlagValue& value, Settings& settings) {
  constexpr std::int64_t kLargest = 65536;
  const auto* number = std::get_if<std::int64_t>(&value);
  if (number == nullptr || *number < 1 || *number > kLargest) {
    return fault("serving.flags.cuda_graph_max_bs",
                 fmt::format("cuda_graph_max_bs is a number from 1 to {}", kLargest));
  }
  settings.cuda_graph_max_bs = static_cast<int>(*number);
  return std::nullopt;
}

std::optional<Diagnostic> read_flag(const std::string& name, const FlagValue& value,
                                    Settings& settings) {
  const std::string path = "serving.flags." + name;
  for (const BoolFlag& flag : kBoolFlags) {
    if (name != flag.name) continue;
    const auto* on = std::get_if<bool>(&value);
    if (on == nullptr) return fault(path, fmt::format("{} is true or false", name));
    settings.*flag.field = *on;
    return std::nullopt;
  }
  for (const TextFlag& flag : kTextFlags) {
    if (name != flag.name) continue;
    const auto* text = std::get_if<std::string>(&value);
    if (text == nullptr) return fault(path, fmt::format("{} is a name", name));
    settings.*flag.field = *text;
    return std::nullopt;
  }
  if (name == "cuda_graph_max_bs") return read_max_bs(value, settings);
  if (std::ranges::find(kNotModelledFlags, name) == kNotModelledFlags.end()) {
    return fault(path, fmt::format("`{}` is not a flag that decides a rule", name),
                 suggestion(name, known_flags()));
  }
  if (is_off(value)) return std::nullopt;
  return fault(path, fmt::format("{} is not modelled yet", name));
}

std::optional<Diagnostic> read_variable(const std::string& name, const std::string& value,
                                        Settings& settings) {
  const std::string path = "serving.env." + name;
  const bool modelled = name == kSharedExpertTp1;
  if (!modelled && std::ranges::find(kNotModelledVariables, name) == kNotModelledVariables.end()) {
    std::vector<std::string> known{kSharedExpertTp1};
    known.insert(known.end(), kNotModelledVariables.begin(), kNotModelledVariables.end());
    return fault(path, fmt::format("`{}` is not an environment variable that decides a rule", name),
                 suggestion(name, known));
  }
  const auto on = parse_switch(value);
  if (!on) return fault(path, fmt::format("{} is 0, 1, true or false, not `{}`", name, value));
  if (!modelled && *on) return fault(path, fmt::format("{} is not modelled yet", name));
  if (modelled) settings.shared_expert_tp1 = *on;
  return std::nullopt;
}

}  // namespace

Result<Settings> read_settings(const ServingSpec& serving) {
  Settings settings;
  Diagnostics faults;
  for (const auto& [name, value] : serving.flags) {
    if (auto f = read_flag(name, value, settings)) faults.push_back(std::move(*f));
  }
  for (const auto& [name, value] : serving.env) {
    if (auto f = read_variable(name, value, settings)) faults.push_back(std::move(*f));
  }
  if (!faults.empty()) return faults;
  return settings;
}

}  // namespace lockstep::sglang
