// The presets restate published files, figure by figure.
#include <doctest/doctest.h>

#include <array>
#include <filesystem>
#include <set>
#include <string>

#include "tests/scenario/config_file.h"

using namespace lockstep;
using namespace lockstep::test;

namespace {

struct Published {
  const char* preset;
  const char* file;
};

constexpr auto kPublished = std::to_array<Published>({
    {"deepseek-v3", "deepseek-ai--DeepSeek-V3.json"},
    {"deepseek-r1", "deepseek-ai--DeepSeek-V3.json"},
    {"kimi-k2", "moonshotai--Kimi-K2-Instruct.json"},
    {"kimi-k2.5", "moonshotai--Kimi-K2.5.json"},
    {"kimi-k2.6", "moonshotai--Kimi-K2.5.json"},
    {"kimi-k2.6-nvfp4", "nvidia--Kimi-K2.6-NVFP4.json"},
    {"glm-5", "zai-org--GLM-5.json"},
    {"minimax-m2.5", "MiniMaxAI--MiniMax-M2.5.json"},
    {"qwen3-235b-a22b", "Qwen--Qwen3-235B-A22B.json"},
    {"qwen3-30b-a3b", "Qwen--Qwen3-30B-A3B.json"},
    {"qwen3-32b", "Qwen--Qwen3-32B.json"},
    {"gpt-oss-20b", "openai--gpt-oss-20b.json"},
    {"gpt-oss-120b", "openai--gpt-oss-120b.json"},
    {"llama-3.1-8b", "meta-llama--Meta-Llama-3.1-8B.json"},
    {"llama-3.1-70b", "meta-llama--Meta-Llama-3.1-70B.json"},
    {"mixtral-8x7b", "mistralai--Mixtral-8x7B-v0.1.json"},
});

}  // namespace

TEST_CASE("every preset with a published file equals it, field by field") {
  for (const Published& published : kPublished) {
    CAPTURE(published.preset);
    Model preset = model_of(published.preset);
    const Model file = model_of(std::string("{config: ") + published.file + "}");
    CHECK(file.name == published.file);
    CHECK(preset.architecture == file.architecture);
    CHECK(preset.model_type == file.model_type);
    CHECK(preset.quantization == file.quantization);
    preset.name = file.name;
    CHECK(preset == file);
  }
}

TEST_CASE("every published file of the tests' data is some preset's") {
  std::set<std::string> used;
  for (const Published& published : kPublished) used.insert(published.file);
  for (const auto& entry : std::filesystem::directory_iterator("tests/scenario/data")) {
    if (entry.path().extension() != ".json") continue;
    CHECK_MESSAGE(used.count(entry.path().filename().string()) == 1, entry.path().string());
  }
}

TEST_CASE("presets without a file here equal the copies that their comments name") {
  const auto equals = [](const char* preset, const std::string& text) {
    CAPTURE(preset);
    const ConfigFile file(preset, text);
    Model expected = model_of(file.model());
    expected.name = preset;
    CHECK(model_of(preset) == expected);
  };
  equals("qwen2-moe-57b-a14b", R"({"architectures": ["Qwen2MoeForCausalLM"],
    "decoder_sparse_step": 1, "hidden_size": 3584, "intermediate_size": 18944,
    "max_position_embeddings": 131072, "model_type": "qwen2_moe", "moe_intermediate_size": 2560,
    "norm_topk_prob": false, "num_attention_heads": 28, "num_experts": 64,
    "num_experts_per_tok": 8, "num_hidden_layers": 28, "num_key_value_heads": 4,
    "rms_norm_eps": 1e-06, "rope_theta": 1000000.0, "shared_expert_intermediate_size": 20480,
    "sliding_window": 131072, "use_sliding_window": false, "vocab_size": 151936})");
  equals("deepseek-v2-lite", R"({"architectures": ["DeepseekV2ForCausalLM"],
    "first_k_dense_replace": 1, "hidden_size": 2048, "intermediate_size": 10944,
    "kv_lora_rank": 512, "max_position_embeddings": 163840, "model_type": "deepseek_v2",
    "moe_intermediate_size": 1408, "moe_layer_freq": 1, "n_group": 1, "n_routed_experts": 64,
    "n_shared_experts": 2, "norm_topk_prob": false, "num_attention_heads": 16,
    "num_experts_per_tok": 6, "num_hidden_layers": 27, "num_key_value_heads": 16,
    "q_lora_rank": null, "qk_nope_head_dim": 128, "qk_rope_head_dim": 64, "rms_norm_eps": 1e-06,
    "rope_theta": 10000, "routed_scaling_factor": 1.0, "scoring_func": "softmax",
    "topk_group": 1, "v_head_dim": 128, "vocab_size": 102400})");
}

TEST_CASE("the presets of GLM-4.5 and MiniMax-M2 equal their classes' defaults where they should") {
  // Glm4MoeConfig's defaults are GLM-4.5-Air, except for the base of the rotary embedding and the
  // head width.
  const ConfigFile air("air", R"({"architectures": ["Glm4MoeForCausalLM"],
    "model_type": "glm4_moe", "num_hidden_layers": 46, "hidden_size": 4096,
    "intermediate_size": 10944, "num_attention_heads": 96, "vocab_size": 151552,
    "max_position_embeddings": 131072, "head_dim": 128, "rope_theta": 1000000,
    "attention_bias": true})");
  Model expected = model_of(air.model());
  expected.name = "glm-4.5-air";
  CHECK(model_of("glm-4.5-air") == expected);
  expected = model_of("minimax-m2.5");
  expected.name = "minimax-m2";
  CHECK(model_of("minimax-m2") == expected);
}

TEST_CASE("widths of experts and heads come from where each family has them") {
  const Model mixtral = model_of("mixtral-8x7b");
  CHECK(mixtral.n_routed_experts == 8);
  CHECK(mixtral.moe_intermediate_size == 14336);
  CHECK(mixtral.intermediate_size == 0);
  CHECK(mixtral.head_dim == 4096 / 32);
  CHECK(mixtral.v_head_dim == 128);
  CHECK(mixtral.is_sparse(0));
  const Model oss = model_of("gpt-oss-120b");
  CHECK(oss.n_routed_experts == 128);
  CHECK(oss.num_experts_per_tok == 4);
  CHECK(oss.head_dim == 64);  // not 2880 / 64 = 45
  CHECK(oss.v_head_dim == 64);
  CHECK(oss.attention_bias);
  CHECK(oss.sliding_window == 128);
  CHECK(oss.quantization == "mxfp4");
  const Model qwen = model_of("qwen2-moe-57b-a14b");
  CHECK(qwen.n_shared_experts == 1);
  CHECK(qwen.shared_expert_intermediate_size == 8 * 2560);
  CHECK(qwen.head_dim == 3584 / 28);
  CHECK_FALSE(qwen.norm_topk_prob);
  const Model kimi = model_of("kimi-k2.5");
  CHECK(kimi.head_dim == 0);
  CHECK(kimi.v_head_dim == 128);
  CHECK(model_of("glm-5").head_dim == 0);  // 64 in the file: the rotary part
  const Model glm = model_of("glm-4.5-air");
  CHECK_FALSE(glm.is_sparse(0));
  CHECK(glm.is_sparse(1));
  CHECK_FALSE(glm.attention_bias);
  const Model llama = model_of("llama-3.1-8b");
  CHECK(llama.n_routed_experts == 0);
  CHECK_FALSE(llama.is_sparse(0));
  CHECK(llama.num_key_value_heads == 8);
}
