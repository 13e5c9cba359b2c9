// Published config.json files: names and defaults by family, and what is refused.
#include <doctest/doctest.h>

#include <set>
#include <string>
#include <vector>

#include "sim/scenario/config_tables.h"
#include "sim/scenario/keys.h"
#include "tests/scenario/config_file.h"

using namespace lockstep;
using namespace lockstep::test;

namespace {

// The model of a config.json with the four sizes that all files have, and `rest`.
Model model_of_file(const std::string& architecture, const std::string& rest) {
  const ConfigFile file("good", R"({"architectures": [")" + architecture +
                                    R"("], "num_hidden_layers": 4, "hidden_size": 256, )"
                                    R"("num_attention_heads": 16, "vocab_size": 1000)" +
                                    rest + "}");
  return model_of(file.model());
}

std::string faults_of_file(const std::string& text) {
  const ConfigFile file("bad", text);
  const Result<Scenario> scenario = with_config(file.model());
  return scenario ? "none" : to_string(scenario.faults());
}

// The same with the file's four sizes, of a Mixtral, and `rest`.
std::string faults_of_mixtral(const std::string& rest) {
  return faults_of_file(
      R"({"architectures": ["MixtralForCausalLM"], "num_hidden_layers": 4, "hidden_size": 256,)"
      "\n"
      R"("num_attention_heads": 16, "vocab_size": 1000)"
      "\n" +
      rest + "}");
}

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("absent keys take the defaults of their configuration class") {
  const Model mixtral = model_of_file("MixtralForCausalLM", "");
  CHECK(mixtral.n_routed_experts == 8);
  CHECK(mixtral.num_experts_per_tok == 2);
  CHECK(mixtral.moe_intermediate_size == 14336);
  CHECK(mixtral.num_key_value_heads == 8);
  CHECK(mixtral.rope_theta == 1e6);
  CHECK(mixtral.rms_norm_eps == 1e-5);
  CHECK(mixtral.scoring_func == "softmax");
  CHECK(mixtral.norm_topk_prob);
  CHECK(mixtral.sliding_window == 0);
  const Model qwen3 = model_of_file("Qwen3MoeForCausalLM", R"(, "intermediate_size": 512)");
  CHECK(qwen3.decoder_sparse_step == 1);
  CHECK(qwen3.mlp_only_layers.empty());
  CHECK(qwen3.n_routed_experts == 128);
  CHECK_FALSE(qwen3.norm_topk_prob);
  CHECK(qwen3.head_dim == 16);
  CHECK(qwen3.rope_theta == 1e4);
  const Model qwen2 = model_of_file("Qwen2MoeForCausalLM", "");
  CHECK(qwen2.shared_expert_intermediate_size == 5632);
  CHECK(qwen2.n_shared_experts == 1);
  CHECK(qwen2.n_routed_experts == 60);
  const Model dense =
      model_of_file("Qwen3ForCausalLM", R"(, "intermediate_size": 512, "num_key_value_heads": 4)");
  CHECK(dense.head_dim == 128);
  const Model oss = model_of_file("GptOssForCausalLM", "");
  CHECK(oss.attention_bias);
  CHECK(oss.head_dim == 64);
  CHECK(oss.sliding_window == 128);
  CHECK(oss.rope_theta == 150000);
}

TEST_CASE("absent keys of the families with latent attention") {
  const Model v2 = model_of_file("DeepseekV2ForCausalLM", R"(, "intermediate_size": 512)");
  CHECK(v2.first_k_dense_replace == 0);
  CHECK(v2.moe_layer_freq == 1);
  CHECK(v2.n_shared_experts == 0);
  CHECK(v2.n_routed_experts == 0);
  CHECK(v2.scoring_func == "softmax");
  CHECK(v2.q_lora_rank == 1536);
  const Model v3 = model_of_file("DeepseekV3ForCausalLM", R"(, "intermediate_size": 512)");
  CHECK(v3.first_k_dense_replace == 3);
  CHECK(v3.n_routed_experts == 256);
  CHECK(v3.n_group == 8);
  CHECK(v3.num_key_value_heads == 16);
  CHECK(v3.scoring_func == "sigmoid");
  const Model glm = model_of_file("Glm4MoeForCausalLM", R"(, "intermediate_size": 512)");
  CHECK(glm.first_k_dense_replace == 1);
  CHECK(glm.norm_topk_prob);
  CHECK(glm.n_group == 1);
}

TEST_CASE("null is none for a count and false for a flag, not the default of an absent key") {
  const Model lite = model_of_file(
      "DeepseekV2ForCausalLM",
      R"(, "intermediate_size": 512, "q_lora_rank": null, "n_group": null, "norm_topk_prob": null)");
  CHECK(lite.q_lora_rank == 0);
  CHECK(lite.n_group == 1);
  CHECK_FALSE(lite.norm_topk_prob);
  const Model oss = model_of_file(
      "GptOssForCausalLM", R"(, "sliding_window": null, "attention_bias": null, "head_dim": null)");
  CHECK(oss.sliding_window == 0);
  CHECK_FALSE(oss.attention_bias);
  CHECK(oss.head_dim == 256 / 16);
  const Model qwen = model_of_file("Qwen3MoeForCausalLM", R"(, "intermediate_size": 512,
    "mlp_only_layers": null, "rope_scaling": null, "num_key_value_heads": null)");
  CHECK(qwen.mlp_only_layers.empty());
  CHECK(qwen.num_key_value_heads == 16);
}

TEST_CASE("other spellings of the same figure") {
  CHECK(model_of_file("GptOssForCausalLM", R"(, "experts_per_token": 2)").num_experts_per_tok == 2);
  CHECK(model_of_file("GptOssForCausalLM", R"(, "num_experts_per_tok": 3, "experts_per_token": 2)")
            .num_experts_per_tok == 3);
  CHECK(model_of_file("LlamaForCausalLM",
                      R"(, "intermediate_size": 8, "rope_parameters": {"rope_theta": 7})")
            .rope_theta == 7);
  CHECK(model_of_file("LlamaForCausalLM",
                      R"(, "intermediate_size": 8, "rope_scaling": {"rope_theta": 6})")
            .rope_theta == 6);
  CHECK(model_of_file("LlamaForCausalLM", R"(, "intermediate_size": 8, "attention_bias": true)")
            .attention_bias);
}

TEST_CASE("Qwen: dense layers, and a sliding window only where it is used") {
  const Model model = model_of_file("Qwen3MoeForCausalLM", R"(, "intermediate_size": 512,
    "decoder_sparse_step": 2, "mlp_only_layers": [3, 77])");
  CHECK(model.mlp_only_layers == std::vector<int>{3, 77});
  // Sparse: layers whose number from 1 is even (1 and 3 from 0), without 3.
  CHECK_FALSE(model.is_sparse(0));
  CHECK(model.is_sparse(1));
  CHECK_FALSE(model.is_sparse(2));
  CHECK_FALSE(model.is_sparse(3));
  CHECK(model_of_file("Qwen2MoeForCausalLM", R"(, "sliding_window": 64)").sliding_window == 0);
  CHECK(
      model_of_file("Qwen2MoeForCausalLM", R"(, "sliding_window": 64, "use_sliding_window": true)")
          .sliding_window == 64);
  CHECK(model_of_file("Qwen2MoeForCausalLM", R"(, "use_sliding_window": true)").sliding_window ==
        4096);
  CHECK(model_of_file("Qwen2MoeForCausalLM", R"(, "shared_expert_intermediate_size": 0)")
            .n_shared_experts == 0);
}

TEST_CASE("the ways to store weights") {
  const auto stored = [](const std::string& config) {
    return model_of_file("MixtralForCausalLM", R"(, "quantization_config": )" + config)
        .quantization;
  };
  const auto groups = [](const std::string& weights) {
    return R"({"quant_method": "compressed-tensors", "config_groups": {"group_0": {"weights": )" +
           weights + "}}}";
  };
  CHECK(stored("null") == "none");
  CHECK(stored(R"({"quant_method": "fp8", "weight_block_size": [128, 128]})") == "fp8");
  CHECK(stored(R"({"quant_method": "mxfp4"})") == "mxfp4");
  CHECK(stored(R"({"quant_method": "awq", "bits": 4})") == "awq");
  CHECK(stored(R"({"quant_method": "gptq", "bits": 4})") == "gptq");
  CHECK(stored(groups(R"({"type": "int", "num_bits": 4, "group_size": 32})")) == "int4");
  CHECK(stored(groups(R"({"type": "float", "num_bits": 8})")) == "fp8");
  CHECK(stored(groups(R"({"type": "float", "num_bits": 4, "group_size": 16})")) == "nvfp4");
  CHECK(stored(groups(R"({"type": "float", "num_bits": 4, "group_size": 32})")) == "mxfp4");
  CHECK(stored(R"({"quant_method": "compressed-tensors"})") == "compressed-tensors");
  CHECK(stored(R"({"quant_method": "modelopt", "quant_algo": "NVFP4"})") == "nvfp4");
  CHECK(stored(R"({"quant_method": "modelopt", "quantization": {"quant_algo": "FP8"}})") == "fp8");
  CHECK(stored(R"({"quant_method": "modelopt", "quant_algo": "W4A8"})") == "modelopt");
  CHECK(stored(R"({"quant_method": "modelopt_fp4"})") == "nvfp4");
  CHECK(contains(faults_of_mixtral(R"(, "quantization_config": {"bits": 4})"),
                 "'quantization_config' names no 'quant_method'"));
  CHECK(contains(faults_of_mixtral(R"(, "quantization_config": [4])"),
                 "'quantization_config' must be a map, not a list"));
}

TEST_CASE("an architecture that is not modelled is refused with the nearest that is") {
  const auto hint = [](const std::string& architecture) {
    const std::string text = faults_of_file(R"({"architectures": [")" + architecture + R"("]})");
    CHECK(contains(text, "architecture '" + architecture + "' is not modelled yet"));
    const std::size_t at = text.find("hint: ");
    return at == std::string::npos ? text : text.substr(at + 6, text.find('\n', at) - at - 6);
  };
  CHECK(hint("Qwen3NextForCausalLM") == "the nearest that is: Qwen3ForCausalLM");
  CHECK(hint("Llama4ForConditionalGeneration") == "the nearest that is: LlamaForCausalLM");
  CHECK(hint("DeepseekV4ForCausalLM") == "the nearest that is: DeepseekV2ForCausalLM");
  CHECK(hint("Glm4vMoeForConditionalGeneration") == "the nearest that is: Glm4MoeForCausalLM");
  CHECK(hint("BailingMoeForCausalLM") == "the nearest that is: Glm4MoeForCausalLM");
  CHECK(contains(hint("Xyz"), "those that are: DeepseekV2ForCausalLM, DeepseekV32ForCausalLM"));
}

TEST_CASE("a text part says what the outer file does not") {
  CHECK(contains(faults_of_file(R"({"text_config": {"architectures": ["MambaForCausalLM"]}})"),
                 "architecture 'MambaForCausalLM' is not modelled yet"));
  CHECK(contains(faults_of_file(R"({"text_config": [1], "architectures": null})"),
                 "'architectures' is missing"));
  CHECK(contains(faults_of_file(R"({"architectures": ["LlamaForCausalLM", "x"]})"),
                 "'architectures' must be a list of names, not a list"));
  CHECK(contains(faults_of_file("[]"), "'config.json' must be a map, not a list"));
}

TEST_CASE("a hostile figure is a fault at its place") {
  const std::string negative = faults_of_mixtral(R"(, "num_local_experts": -8)");
  CHECK(contains(negative, "bad.json:3:"));
  CHECK(contains(negative, "'n_routed_experts' must be an integer from 0 to 1000000, not '-8'"));
  for (const char* figure : {"99999999999999999999", "\"8\"", "[8]", "{\"a\": 8}", "8.5", "true",
                             "1e400", ".nan", "-1", "1000001"}) {
    CAPTURE(figure);
    for (const char* key : {"num_local_experts", "intermediate_size", "head_dim"}) {
      const std::string text = faults_of_mixtral(std::string(", \"") + key + "\": " + figure);
      CHECK(contains(text, "must be an integer from 0 to 1000000"));
    }
    CHECK_FALSE(faults_of_mixtral(std::string(R"(, "rope_theta": )") + figure).empty());
  }
  for (const char* layers : {"3", "[-1]", "[\"a\"]", "[[1]]", "[10001]", "{}"}) {
    CAPTURE(layers);
    const std::string text =
        faults_of_file(R"({"architectures": ["Qwen2MoeForCausalLM"], "num_hidden_layers": 4,
          "hidden_size": 256, "num_attention_heads": 16, "vocab_size": 9, "mlp_only_layers": )" +
                       std::string(layers) + "}");
    CHECK(contains(text, "'mlp_only_layers' must be a list of integers from 0 to 10000"));
  }
  CHECK(
      contains(faults_of_mixtral(R"(, "rms_norm_eps": .inf)"), "'rms_norm_eps' must be a number"));
  CHECK(contains(faults_of_mixtral(R"(, "num_key_value_heads": 3)"),
                 "num_attention_heads (16) must be a multiple of num_key_value_heads (3)"));
  CHECK(contains(faults_of_mixtral(R"(, "num_experts_per_tok": null)"),
                 "'num_experts_per_tok' must be from 1 to n_routed_experts (8), not 0"));
}

TEST_CASE("a file without a size lists what it lacks") {
  CHECK(contains(faults_of_file(R"({"architectures": ["LlamaForCausalLM"], "hidden_size": 8})"),
                 "the model lacks num_hidden_layers, intermediate_size, num_attention_heads, "
                 "vocab_size"));
  CHECK(contains(faults_of_file(R"({"architectures": ["MixtralForCausalLM"], "hidden_size": null,
          "num_hidden_layers": 4, "num_attention_heads": 4, "vocab_size": 8})"),
                 "the model lacks hidden_size\n"));
}

TEST_CASE("figures that an architecture does not have are refused") {
  const auto fault = [](const std::string& model) {
    const Result<Scenario> scenario = with_config(model);
    return scenario ? "none" : to_string(scenario.faults());
  };
  CHECK(contains(fault("{preset: llama-3.1-8b, kv_lora_rank: 512}"),
                 "'kv_lora_rank' has no meaning for LlamaForCausalLM: it has no latent attention"));
  CHECK(contains(fault("{preset: kimi-k2.6, head_dim: 64}"),
                 "'head_dim' has no meaning for KimiK25ForConditionalGeneration"));
  CHECK(contains(fault("{preset: kimi-k2.6, kv_lora_rank: 0}"), "'kv_lora_rank' must be above 0"));
  CHECK(contains(fault("{preset: llama-3.1-8b, v_head_dim: 64}"),
                 "'v_head_dim' (64) must be head_dim (128) without latent attention"));
  CHECK(contains(fault("{preset: llama-3.1-8b, num_attention_heads: 24}"),
                 "hidden_size (4096) is not a multiple of num_attention_heads (24)"));
  CHECK(contains(fault("{preset: mixtral-8x7b, mlp_only_layers: [2]}"),
                 "layer 2 is dense and needs 'intermediate_size'"));
  CHECK(contains(fault("{preset: mixtral-8x7b, shared_expert_intermediate_size: 64}"),
                 "'shared_expert_intermediate_size' (64) is without shared experts"));
}

TEST_CASE("new keys override a preset or stand in a model that is written out") {
  CHECK(model_of("{preset: llama-3.1-8b, head_dim: 64}").v_head_dim == 64);
  CHECK(model_of("{preset: gpt-oss-20b, attention_bias: false}").attention_bias == false);
  CHECK(model_of("{preset: gpt-oss-20b, sliding_window: 0}").sliding_window == 0);
  CHECK(model_of("{preset: qwen3-30b-a3b, mlp_only_layers: [0, 5]}").is_sparse(5) == false);
  CHECK(model_of("{preset: qwen3-30b-a3b, decoder_sparse_step: 2}").is_sparse(0) == false);
  CHECK(model_of("{preset: qwen2-moe-57b-a14b, shared_expert_intermediate_size: 512}")
            .shared_expert_intermediate_size == 512);
  const Model model = model_of(
      "{architectures: [MixtralForCausalLM], num_hidden_layers: 2, hidden_size: 64, "
      "num_attention_heads: 4, vocab_size: 512, n_routed_experts: 4, "
      "num_experts_per_tok: 2, moe_intermediate_size: 32}");
  CHECK(model.head_dim == 16);
  CHECK(model.v_head_dim == 16);
  CHECK(model.intermediate_size == 0);
}

TEST_CASE("the tables name keys of `model` only, each once for an architecture") {
  for (const PublishedModel& model : published_models()) {
    CAPTURE(model.architecture);
    std::set<std::string_view> keys;
    for (const PublishedKey& rule : model.keys) {
      CAPTURE(rule.key);
      CHECK(find_key("model", rule.key) != nullptr);
      CHECK(keys.insert(rule.key).second);
    }
  }
  for (const PublishedKey& rule : common_published_keys()) {
    CHECK(find_key("model", rule.key) != nullptr);
  }
}
