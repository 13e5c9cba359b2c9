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
constexpr std::array<BoolFlag, 7> kBoolFlags{{
    {"enable_flashinfer_allreduce_fusion", &Settings::enable_flashinfer_allreduce_fusion},
    {"enforce_disable_flashinfer_allreduce_fusion",
     &Settings::enforce_disable_flashinfer_allreduce_fusion},
    {"disable_shared_experts_fusion", &Settings::disable_shared_experts_fusion},
    {"disable_flashinfer_cutlass_moe_fp4_allgather",
     &Settings::disable_flashinfer_cutlass_moe_fp4_allgather},
    {"disable_cuda_graph", &Settings::disable_cuda_graph},
    {"disable_cuda_graph_padding", &Settings::disable_cuda_graph_padding},
    {"enable_deterministic_inference", &Settings::enable_deterministic_inference},
}};

struct TextFlag {
  const char* name;
  std::string Settings::*field;
  int since;                         // pull request; 0: always
  std::vector<std::string> choices;  // empty: any
};
const std::vector<TextFlag>& text_flags() {
  static const std::vector<TextFlag> flags{
      {"moe_runner_backend", &Settings::moe_runner_backend, 0, {}},
      {"quantization", &Settings::quantization, 0, {}},
      {"cuda_graph_backend_prefill",
       &Settings::prefill_graph,
       23906,
       {"disabled", "tc_piecewise", "breakable", "full"}},
      {"boundary_reduction",
       &Settings::boundary_reduction,
       41253,
       {"auto", "ar", "rs", "rsv", "rs+rsv"}},
  };
  return flags;
}

// Environment variables that switch something; without a field they change nothing that is
// modelled: `note` says why.
struct Variable {
  const char* name;
  bool Settings::*field;
  int since;
  const char* note;
};
constexpr std::array<Variable, 4> kVariables{{
    {"SGLANG_SHARED_EXPERT_TP1", &Settings::shared_expert_tp1, 24949, ""},
    {"SGLANG_DP_USE_GATHERV", &Settings::dp_use_gatherv, 28216, ""},
    {"SGLANG_DP_USE_REDUCE_SCATTER", nullptr, 29103, "is read by DeepSeek-V4's file only"},
    {"SGLANG_USE_FUSED_PARALLEL_QKNORM", nullptr, 22642,
     "takes the same sum in one kernel"},  // #20673, the day of #22642
}};

// Known, but any value other than off changes what this lowering does not have.
constexpr std::array<const char*, 6> kNotModelledFlags{"enable_two_batch_overlap",
                                                       "enable_single_batch_overlap",
                                                       "enable_aiter_allreduce_fusion",
                                                       "speculative_algorithm",
                                                       "dwdp_size",
                                                       "enforce_shared_experts_fusion"};
constexpr std::array<const char*, 2> kNotModelledVariables{"SGLANG_DP_SHARED_EXPERT_LOCAL",
                                                           "SGLANG_USE_AITER"};
constexpr const char* kFusionBackend = "flashinfer_allreduce_fusion_backend";

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
  std::vector<std::string> names{"cuda_graph_max_bs", kFusionBackend};
  for (const BoolFlag& flag : kBoolFlags) names.emplace_back(flag.name);
  for (const TextFlag& flag : text_flags()) names.emplace_back(flag.name);
  names.insert(names.end(), kNotModelledFlags.begin(), kNotModelledFlags.end());
  return names;
}

std::optional<Diagnostic> read_max_bs(const FlagValue& value, Settings& settings) {
  constexpr std::int64_t kLargest = 65536;
  const auto* number = std::get_if<std::int64_t>(&value);
  if (number == nullptr || *number < 1 || *number > kLargest) {
    return path_fault("serving.flags.cuda_graph_max_bs",
                      fmt::format("cuda_graph_max_bs is a number from 1 to {}", kLargest));
  }
  settings.cuda_graph_max_bs = static_cast<int>(*number);
  return std::nullopt;
}

std::optional<Diagnostic> not_yet(const std::string& path, std::string_view name, int since,
                                  const Revision& revision) {
  if (since == 0 || revision.includes(since)) return std::nullopt;
  return path_fault(path, fmt::format("{} does not exist before #{}", name, since));
}

std::optional<Diagnostic> read_text(const TextFlag& flag, const std::string& path,
                                    const FlagValue& value, const Revision& revision,
                                    Settings& settings) {
  const auto* text = std::get_if<std::string>(&value);
  if (text == nullptr) return path_fault(path, fmt::format("{} is a name", flag.name));
  if (auto early = not_yet(path, flag.name, flag.since, revision)) return early;
  if (!flag.choices.empty() && std::ranges::find(flag.choices, *text) == flag.choices.end()) {
    return path_fault(
        path, fmt::format("{} is one of {}, not `{}`", flag.name, join(flag.choices, ", "), *text));
  }
  settings.*flag.field = *text;
  return std::nullopt;
}

std::optional<Diagnostic> read_flag(const std::string& name, const FlagValue& value,
                                    const Revision& revision, Settings& settings) {
  const std::string path = "serving.flags." + name;
  for (const BoolFlag& flag : kBoolFlags) {
    if (name != flag.name) continue;
    const auto* on = std::get_if<bool>(&value);
    if (on == nullptr) return path_fault(path, fmt::format("{} is true or false", name));
    settings.*flag.field = *on;
    return std::nullopt;
  }
  for (const TextFlag& flag : text_flags()) {
    if (name == flag.name) return read_text(flag, path, value, revision, settings);
  }
  if (name == "cuda_graph_max_bs") return read_max_bs(value, settings);
  if (name == kFusionBackend) {  // its values name the kernel; any of them switches fusion on
    settings.enable_flashinfer_allreduce_fusion = !is_off(value);
    return std::nullopt;
  }
  if (std::ranges::find(kNotModelledFlags, name) == kNotModelledFlags.end()) {
    return path_fault(path, fmt::format("`{}` is not a flag that decides a rule", name),
                      suggestion(name, known_flags()));
  }
  if (is_off(value)) return std::nullopt;
  return path_fault(path, fmt::format("{} is not modelled yet", name));
}

std::vector<std::string> known_variables() {
  std::vector<std::string> names;
  for (const Variable& variable : kVariables) names.emplace_back(variable.name);
  names.insert(names.end(), kNotModelledVariables.begin(), kNotModelledVariables.end());
  return names;
}

std::optional<Diagnostic> read_variable(const std::string& name, const std::string& value,
                                        const Revision& revision, Settings& settings) {
  const std::string path = "serving.env." + name;
  const std::vector<std::string> known = known_variables();
  if (std::ranges::find(known, name) == known.end()) {
    return path_fault(path,
                      fmt::format("`{}` is not an environment variable that decides a rule", name),
                      suggestion(name, known));
  }
  const auto on = parse_switch(value);
  if (!on) return path_fault(path, fmt::format("{} is 0, 1, true or false, not `{}`", name, value));
  const auto variable =
      std::ranges::find_if(kVariables, [&](const Variable& v) { return name == v.name; });
  if (variable == kVariables.end()) {
    if (!*on) return std::nullopt;
    return path_fault(path, fmt::format("{} is not modelled yet", name));
  }
  if (*on) {
    if (auto early = not_yet(path, name, variable->since, revision)) return early;
  }
  if (variable->field != nullptr) {
    settings.*variable->field = *on;
  } else if (*on) {
    settings.notes.push_back(fmt::format("{} {}: it changes nothing here", name, variable->note));
  }
  return std::nullopt;
}

}  // namespace

Result<Settings> read_settings(const ServingSpec& serving, const Revision& revision) {
  Settings settings;
  Diagnostics faults;
  for (const auto& [name, value] : serving.flags) {
    if (auto f = read_flag(name, value, revision, settings)) faults.push_back(std::move(*f));
  }
  for (const auto& [name, value] : serving.env) {
    if (auto f = read_variable(name, value, revision, settings)) faults.push_back(std::move(*f));
  }
  if (!faults.empty()) return faults;
  return settings;
}

}  // namespace lockstep::sglang
