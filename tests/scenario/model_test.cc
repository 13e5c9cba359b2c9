#include <doctest/doctest.h>

#include <algorithm>

#include "sim/base/text.h"
#include "sim/scenario/model_presets.h"
#include "sim/scenario/scenario.h"
#include "tests/scenario/parsing.h"

using namespace lockstep;
using namespace lockstep::test;

namespace {

// A scenario with `model`, as if it stood in the folder of the test's data. The model is on line 2.
std::string scenario_with(const std::string& model) {
  return "lockstep: 1\nmodel: " + model + "\nbatch: {tokens: 1}\n";
}

Result<Scenario> beside_data(const std::string& model, const std::vector<Setting>& settings = {}) {
  return parse_scenario(scenario_with(model), "tests/scenario/data/s.yaml", settings);
}

Model model_of(const std::string& model) {
  Result<Scenario> scenario = beside_data(model);
  REQUIRE_MESSAGE(scenario, to_string(scenario.faults()));
  return scenario->input.model;
}

std::string model_faults(const std::string& model) {
  const Result<Scenario> scenario = beside_data(model);
  return scenario ? "none" : to_string(scenario.faults());
}

}  // namespace

TEST_CASE("the presets have the figures of the reference sheet, section 8.1") {
  const Model kimi = model_of("kimi-k2.6");
  CHECK(kimi.name == "kimi-k2.6");
  CHECK(kimi.architecture == "KimiK25ForConditionalGeneration");
  CHECK(kimi.num_hidden_layers == 61);
  CHECK(kimi.first_k_dense_replace == 1);
  CHECK(kimi.n_routed_experts == 384);
  CHECK(kimi.num_attention_heads == 64);
  CHECK(kimi.vocab_size == 163840);
  CHECK(kimi.rms_norm_eps == 1e-5);
  CHECK(kimi.rope_theta == 50000);
  CHECK(kimi.quantization == "int4");
  const Model deepseek = model_of("deepseek-v3");
  CHECK(deepseek.first_k_dense_replace == 3);
  CHECK(deepseek.n_group == 8);
  CHECK(deepseek.topk_group == 4);
  CHECK(deepseek.num_attention_heads == 128);
  CHECK(deepseek.quantization == "fp8");
}

TEST_CASE("published files of the family are read, with their quantisation") {
  const Model kimi = model_of("{config: moonshotai--Kimi-K2.5.json}");
  CHECK(kimi.name == "moonshotai--Kimi-K2.5.json");
  CHECK(kimi.architecture == "KimiK25ForConditionalGeneration");
  CHECK(kimi.model_type == "kimi_k2");
  CHECK(kimi.quantization == "int4");
  CHECK(model_of("{config: nvidia--Kimi-K2.6-NVFP4.json}").quantization == "nvfp4");
  CHECK(model_of("{config: deepseek-ai--DeepSeek-V3.json}").quantization == "fp8");
  const Model glm = model_of("{config: zai-org--GLM-5.json}");
  CHECK(glm.quantization == "none");
  CHECK(glm.rope_theta == 1'000'000);  // under rope_parameters in that file
  CHECK(glm.num_hidden_layers == 78);
}

TEST_CASE("keys beside a preset or a file override it") {
  CHECK(model_of("{preset: kimi-k2.6, num_hidden_layers: 3}").num_hidden_layers == 3);
  CHECK(model_of("{preset: kimi-k2.6, num_hidden_layers: 3}").hidden_size == 7168);
  CHECK(model_of("{config: deepseek-ai--DeepSeek-V3.json, n_shared_experts: 0}").n_shared_experts ==
        0);
}

TEST_CASE("a model may be written out") {
  const Model model = model_of(
      "{num_hidden_layers: 2, hidden_size: 64, intermediate_size: 128, num_attention_heads: 4, "
      "kv_lora_rank: 16, qk_nope_head_dim: 8, qk_rope_head_dim: 8, v_head_dim: 8, "
      "vocab_size: 512}");
  CHECK(model.name == "inline");
  CHECK(model.architecture == "DeepseekV3ForCausalLM");
  CHECK(model.num_key_value_heads == 4);
  CHECK(model.n_routed_experts == 0);
  CHECK_FALSE(model.is_sparse(1));
}

TEST_CASE("a setting below a preset's name keeps the preset") {
  const Result<Scenario> scenario = beside_data("kimi-k2.6", {{"model.num_hidden_layers", "4"}});
  REQUIRE_MESSAGE(scenario, to_string(scenario.faults()));
  CHECK(scenario->input.model.num_hidden_layers == 4);
  CHECK(scenario->input.model.n_routed_experts == 384);
}

TEST_CASE("an unknown preset names the nearest, and a file is told how to be one") {
  CHECK(model_faults("deepsek-v3") ==
        "tests/scenario/data/s.yaml:2:8: error: unknown model preset 'deepsek-v3'\n"
        "  model: deepsek-v3\n"
        "         ^\n"
        "  hint: did you mean 'deepseek-v3'?\n");
  CHECK(model_faults("my/config.json").find("hint: for a file write {config: my/config.json}\n") !=
        std::string::npos);
}

TEST_CASE("an unknown key is refused in a scenario, also beside a file that has it") {
  CHECK(model_faults("{preset: kimi-k2.6, num_hiden_layers: 3}") ==
        "tests/scenario/data/s.yaml:2:28: error: unknown key 'num_hiden_layers' in 'model'\n"
        "  model: {preset: kimi-k2.6, num_hiden_layers: 3}\n"
        "                             ^\n"
        "  hint: did you mean 'num_hidden_layers'?\n");
  CHECK(model_faults("{config: deepseek-ai--DeepSeek-V3.json, hidden_act: silu}")
            .find("unknown key 'hidden_act'") != std::string::npos);
}

TEST_CASE("another architecture is refused by name") {
  CHECK(model_faults("{preset: kimi-k2.6, architectures: [Qwen3NextForCausalLM]}") ==
        "tests/scenario/data/s.yaml:2:44: error: architecture 'Qwen3NextForCausalLM' is not "
        "modelled yet\n"
        "  model: {preset: kimi-k2.6, architectures: [Qwen3NextForCausalLM]}\n"
        "                                             ^\n"
        "  hint: the nearest that is: Qwen3ForCausalLM\n");
}

TEST_CASE("a file that is missing, or no model, is a fault at its name") {
  CHECK(model_faults("{config: nowhere.json}") ==
        "tests/scenario/data/s.yaml:2:17: error: tests/scenario/data/nowhere.json: cannot open "
        "this file\n"
        "  model: {config: nowhere.json}\n"
        "                  ^\n"
        "  hint: the path is relative to the scenario\n");
  CHECK(model_faults("{config: README.md}").find("README.md") != std::string::npos);
  CHECK(model_faults("{config: [a]}").find("'config' must be text, not a list") !=
        std::string::npos);
  CHECK(model_faults("{preset: kimi-k2.6, config: x.json}")
            .find("'preset' and 'config' exclude each other") != std::string::npos);
}

TEST_CASE("an incomplete model lists what it lacks") {
  CHECK(model_faults("{num_hidden_layers: 2, hidden_size: 64}") ==
        "tests/scenario/data/s.yaml:2:8: error: the model lacks intermediate_size, "
        "num_attention_heads, kv_lora_rank, qk_nope_head_dim, qk_rope_head_dim, v_head_dim, "
        "vocab_size\n"
        "  model: {num_hidden_layers: 2, hidden_size: 64}\n"
        "         ^\n"
        "  hint: name a preset to take the rest from: " +
            join(model_preset_names(), ", ") + "\n");
}

TEST_CASE("figures that contradict each other are refused") {
  const auto fault = [](const std::string& override_) {
    return model_faults("{preset: deepseek-v3, " + override_ + "}");
  };
  CHECK(fault("first_k_dense_replace: 62")
            .find("'first_k_dense_replace' (62) must not exceed num_hidden_layers (61)") !=
        std::string::npos);
  CHECK(fault("num_experts_per_tok: 257")
            .find("'num_experts_per_tok' must be from 1 to n_routed_experts (256), not 257") !=
        std::string::npos);
  CHECK(fault("n_group: 7").find("n_routed_experts (256) must be a multiple of n_group (7)") !=
        std::string::npos);
  CHECK(fault("topk_group: 9").find("'topk_group' (9) must not exceed n_group (8)") !=
        std::string::npos);
  CHECK(fault("num_experts_per_tok: 200")
            .find("the 4 groups kept per token have fewer than num_experts_per_tok (200)") !=
        std::string::npos);
  CHECK(fault("moe_intermediate_size: 0")
            .find("a model with routed experts needs 'moe_intermediate_size'") !=
        std::string::npos);
  CHECK(fault("rms_norm_eps: 0").find("'rms_norm_eps' must be above 0") != std::string::npos);
  CHECK(fault("rope_theta: -1").find("'rope_theta' must be above 0") != std::string::npos);
  CHECK(fault("rope_theta: warm").find("'rope_theta' must be a number, not 'warm'") !=
        std::string::npos);
}

TEST_CASE("every preset is complete and known by its file's name") {
  const std::vector<std::string> names{
      "deepseek-r1",  "deepseek-v2-lite", "deepseek-v3",        "glm-4.5",         "glm-4.5-air",
      "glm-5",        "gpt-oss-120b",     "gpt-oss-20b",        "kimi-k2",         "kimi-k2.5",
      "kimi-k2.6",    "kimi-k2.6-nvfp4",  "llama-3.1-70b",      "llama-3.1-8b",    "minimax-m2",
      "minimax-m2.5", "mixtral-8x7b",     "qwen2-moe-57b-a14b", "qwen3-235b-a22b", "qwen3-30b-a3b",
      "qwen3-32b"};
  std::vector<std::string> known = model_preset_names();
  std::ranges::sort(known);
  CHECK(known == names);
  const std::string doc = file_text("docs/scenario_format.md");
  for (const std::string& name : names) CHECK(doc.find("`" + name + "`") != std::string::npos);
  for (const std::string& name : model_preset_names()) CHECK(model_of(name).name == name);
}
