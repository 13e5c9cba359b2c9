// How often each layer's feed-forward terms arrive, as the tables of the reference sheet say it.
#pragma once

#include <doctest/doctest.h>

#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "sim/contract/check.h"
#include "tests/serving/inputs.h"

namespace lockstep::test {

// Per kind of layer, in the sheet's words: "1", or the factor of a double sum; "own": own rank's
// terms only; "-": no such layer. `whole` is about the plan: "holds", "violated",
// "collective-mismatch", "unknown", or "refused".
struct Multiplicity {
  std::string dense = "-";
  std::string sparse = "-";
  std::string whole = "holds";
  bool operator==(const Multiplicity&) const = default;
};

inline doctest::String toString(const Multiplicity& m) {
  return (m.whole + ", dense x" + m.dense + ", sparse x" + m.sparse).c_str();
}

inline std::string times(const contract::Violation& v) {
  if (v.code == contract::Code::missing_reduction) return "own";
  if (v.code != contract::Code::double_reduction || !v.factor) return to_string(v.code);
  return to_string(*v.factor);
}

// The value of all layers of a kind; a layer that differs from the others shows in the text.
inline std::string common(const std::vector<std::string>& of_layers) {
  if (of_layers.empty()) return "-";
  std::string text = of_layers.front();
  for (const std::string& one : of_layers) {
    if (one != of_layers.front()) text += "," + one;
  }
  return text;
}

inline Multiplicity multiplicity(const LoweringInput& input) {
  const Result<Plan> plan = lower(input);
  if (!plan) return {"-", "-", "refused"};
  for (const std::string& fault : validate(*plan)) return {"-", "-", fault};
  const contract::CheckResult result = contract::check(*plan);
  if (result.verdict == contract::Verdict::unknown) return {"-", "-", "unknown"};
  std::vector<std::string> layers(static_cast<std::size_t>(input.model.num_hidden_layers), "1");
  Multiplicity found;
  found.whole = to_string(result.verdict);
  for (const contract::Violation& v : result.violations) {
    if (v.code == contract::Code::collective_mismatch) return {"-", "-", to_string(v.code)};
    REQUIRE(v.site.layer >= 0);
    const auto layer = static_cast<std::size_t>(v.site.layer);
    CHECK(v.site.module == (input.model.is_sparse(v.site.layer) ? "moe" : "mlp"));
    CHECK(layers[layer] == "1");  // one violation a layer
    layers[layer] = times(v);
  }
  std::vector<std::string> dense;
  std::vector<std::string> sparse;
  for (int layer = 0; layer < input.model.num_hidden_layers; ++layer) {
    (input.model.is_sparse(layer) ? sparse : dense)
        .push_back(layers[static_cast<std::size_t>(layer)]);
  }
  found.dense = common(dense);
  found.sparse = common(sparse);
  return found;
}

// "5.3 E0 any: GptOssForCausalLM 22642^ SUM_LEN 8", for INFO, which prints no C strings.
template <class... Parts>
std::string text(const Parts&... parts) {
  std::ostringstream out;
  ((out << parts << ' '), ...);
  return out.str();
}

enum class Mode { max, sum };

inline const char* name_of(Mode mode) { return mode == Mode::max ? "MAX_LEN" : "SUM_LEN"; }

// MAX_LEN: eager decode of even shards. SUM_LEN: uneven prefill, without a captured graph.
inline BatchSpec step_in(Mode mode, int shards) {
  std::vector<int> tokens(static_cast<std::size_t>(shards), 4);
  if (mode == Mode::sum) tokens.front() = 9;
  BatchSpec step = batch(mode == Mode::max ? ForwardMode::decode : ForwardMode::extend, tokens);
  if (mode == Mode::max) step.cuda_graph = false;
  if (mode == Mode::sum) step.prefill_graph = "disabled";
  return step;
}

inline LoweringInput input_of(const std::string& architecture, const ParallelFlags& parallel,
                              const std::string& revision, Mode mode) {
  LoweringInput in = input(parallel, revision, step_in(mode, parallel.dp_size));
  in.model = tiny_model(architecture);
  return in;
}

constexpr const char* kDeepseek = "DeepseekV3ForCausalLM";
constexpr const char* kGlm5 = "GlmMoeDsaForCausalLM";
constexpr const char* kGlm4 = "Glm4MoeForCausalLM";
constexpr const char* kQwen2Moe = "Qwen2MoeForCausalLM";
constexpr const char* kQwen3Moe = "Qwen3MoeForCausalLM";
constexpr const char* kMinimax = "MiniMaxM2ForCausalLM";
constexpr const char* kGptOss = "GptOssForCausalLM";
constexpr const char* kQwen3 = "Qwen3ForCausalLM";
constexpr const char* kLlama = "LlamaForCausalLM";
constexpr const char* kMixtral = "MixtralForCausalLM";

}  // namespace lockstep::test
