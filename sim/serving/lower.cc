#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "sim/base/text.h"
#include "sim/serving/input.h"
#include "sim/serving/sglang/lower.h"

namespace lockstep {
namespace {

// Sizes that keep every product of the plan within range.
constexpr int kMostLayers = 4096;
constexpr int kMostExperts = 16384;
constexpr int kWidest = 1 << 24;
constexpr std::size_t kMostSteps = 4096;

struct Bound {
  const char* name;
  int value;
  int least;
  int most;
};

Diagnostics check_model(const Model& m) {
  const std::array<Bound, 10> bounds{
      {{"num_hidden_layers", m.num_hidden_layers, 1, kMostLayers},
       {"hidden_size", m.hidden_size, 1, kWidest},
       {"vocab_size", m.vocab_size, 1, kWidest},
       {"num_attention_heads", m.num_attention_heads, 1, kWidest},
       {"moe_layer_freq", m.moe_layer_freq, 1, kMostLayers},
       {"decoder_sparse_step", m.decoder_sparse_step, 1, kMostLayers},
       {"n_routed_experts", m.n_routed_experts, 0, kMostExperts},
       {"n_shared_experts", m.n_shared_experts, 0, kMostExperts},
       {"intermediate_size", m.intermediate_size, 0, kWidest},
       {"moe_intermediate_size", m.moe_intermediate_size, 0, kWidest}}};
  Diagnostics faults;
  for (const Bound& b : bounds) {
    if (b.value >= b.least && b.value <= b.most) continue;
    faults.push_back(path_fault(
        fmt::format("model.{}", b.name),
        fmt::format("{} must be from {} to {}, not {}", b.name, b.least, b.most, b.value)));
  }
  return faults;
}

}  // namespace

Result<Plan> lower(const LoweringInput& input) {
  std::set<int> asked;
  return lower(input, asked);
}

Result<Plan> lower(const LoweringInput& input, std::set<int>& asked) {
  Diagnostics faults = check_model(input.model);
  if (input.steps.empty() || input.steps.size() > kMostSteps) {
    faults.push_back(
        path_fault("batch", fmt::format("a scenario has from 1 to {} steps", kMostSteps)));
  }
  if (input.gpus_per_node < 1) {
    faults.push_back(path_fault("hardware", "a node has at least one GPU"));
  }
  const std::string& system = input.serving.system;
  if (system != "sglang" && system != "plain") {
    const auto near = nearest(system, {"sglang", "plain"});
    faults.push_back(path_fault(
        "serving.system", fmt::format("there is no serving system `{}`", system),
        near ? fmt::format("did you mean `{}`?", *near) : "the systems are sglang and plain"));
  }
  if (!faults.empty()) return faults;
  return system == "plain" ? sglang::lower_plain(input) : sglang::lower_sglang(input, asked);
}

}  // namespace lockstep
