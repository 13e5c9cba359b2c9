// The keys that say how a family computes: read, checked, printed and hashed like the others.
#include <doctest/doctest.h>

#include <string>

#include "sim/scenario/scenario.h"
#include "tests/scenario/config_file.h"

using namespace lockstep;
using namespace lockstep::test;

TEST_CASE("the presets compute as their families do") {
  const Model gpt_oss = model_of("gpt-oss-20b");
  CHECK(gpt_oss.attention_sinks);
  CHECK(gpt_oss.qkv_bias);
  CHECK(gpt_oss.router_bias);
  CHECK(gpt_oss.expert_bias);
  CHECK(gpt_oss.swiglu_limit == 7.0);
  CHECK(gpt_oss.window_of(0) == 128);  // sliding_attention, full_attention, ...
  CHECK(gpt_oss.window_of(1) == 0);
  const Model qwen2 = model_of("qwen2-moe-57b-a14b");
  CHECK(qwen2.qkv_bias);
  CHECK(qwen2.shared_expert_gate);
  CHECK_FALSE(qwen2.use_qk_norm);
  CHECK(model_of("qwen3-32b").use_qk_norm);
  CHECK(model_of("glm-4.5").use_qk_norm);
  CHECK_FALSE(model_of("glm-4.5-air").use_qk_norm);
  CHECK(model_of("glm-4.5-air").partial_rotary_factor == 0.5);
  CHECK(model_of("minimax-m2").topk_method == "noaux_tc");
  CHECK(model_of("kimi-k2.6").topk_method == "noaux_tc");
  CHECK(model_of("deepseek-v2-lite").topk_method == "greedy");
  CHECK(model_of("llama-3.1-8b").topk_method.empty());
}

TEST_CASE("layer_types repeat, and without them every layer has the window") {
  Model m = model_of("{preset: llama-3.1-8b, sliding_window: 64}");
  CHECK(m.window_of(0) == 64);
  CHECK(m.window_of(7) == 64);
  m = model_of(
      "{preset: llama-3.1-8b, sliding_window: 64, "
      "layer_types: [full_attention, full_attention, sliding_attention]}");
  CHECK(m.window_of(1) == 0);
  CHECK(m.window_of(2) == 64);
  CHECK(m.window_of(5) == 64);
}

TEST_CASE("what no family computes is refused, where it stands and with what there is") {
  const auto faults = [](const std::string& keys) {
    const Result<Scenario> scenario = with_config("{preset: llama-3.1-8b, " + keys + "}");
    REQUIRE_FALSE(scenario);
    return to_string(scenario.faults());
  };
  CHECK(faults("layer_types: [chunked_attention]").find("unknown layer type 'chunked_attention'") !=
        std::string::npos);
  CHECK(faults("topk_method: best").find("topk_method") != std::string::npos);
  CHECK(faults("partial_rotary_factor: 1.5").find("must not exceed 1") != std::string::npos);
  CHECK(faults("partial_rotary_factor: 0").find("must be above 0") != std::string::npos);
  CHECK(faults("swiglu_limit: -1").find("'swiglu_limit'") != std::string::npos);
}
