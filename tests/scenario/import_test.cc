#include "sim/scenario/import_sglang.h"

#include <doctest/doctest.h>

#include "sim/contract/check.h"
#include "sim/scenario/scenario.h"
#include "sim/scenario/shell_words.h"
#include "tests/scenario/parsing.h"

using namespace lockstep;
using namespace lockstep::test;

namespace {

std::string imported(const std::string& command, const ImportOptions& options = {}) {
  Result<std::string> text = import_sglang(command, options);
  REQUIRE_MESSAGE(text, to_string(text.faults()));
  return *text;
}

std::string import_faults(const std::string& command) {
  const Result<std::string> text = import_sglang(command);
  return text ? "none" : to_string(text.faults());
}

// The command of the report sgl-project/sglang#23554, with the usual arguments around it.
const char* const kReport =
    "python3 -m sglang.launch_server \\\n"
    "  --model-path moonshotai/Kimi-K2.6 --trust-remote-code \\\n"
    "  --tp 8 --dp 8 --ep 8 --enable-dp-attention \\\n"
    "  --host 0.0.0.0 --port 30000";

}  // namespace

TEST_CASE("the command line of the report becomes a scenario") {
  const ImportOptions options{"24785^", "hgx-b300", {1024, 37, 0, 512, 3, 128, 64, 900}};
  CHECK(imported(kReport, options) ==
        "# Imported from the arguments of an SGLang server.\n"
        "# Ignored, because it does not decide on communication: --trust-remote-code, --host, "
        "--port\n"
        "lockstep: 1\n"
        "name: kimi-k2.6-tp8-dp8-ep8\n"
        "model: kimi-k2.6\n"
        "serving:\n"
        "  system: sglang\n"
        "  revision: \"24785^\"\n"
        "parallel:\n"
        "  tp_size: 8\n"
        "  dp_size: 8\n"
        "  ep_size: 8\n"
        "  enable_dp_attention: true\n"
        "hardware: hgx-b300\n"
        "batch:\n"
        "  forward_mode: extend\n"
        "  tokens: [1024, 37, 0, 512, 3, 128, 64, 900]\n");
}

TEST_CASE("the imported report shows the fault before its fix, and not after") {
  const auto verdict = [](const char* revision) {
    const Scenario scenario = parsed(imported(kReport, {revision, "hgx-b300", {64, 3, 0, 9}}));
    const Result<Plan> plan = lower(scenario);
    REQUIRE_MESSAGE(plan, to_string(plan.faults()));
    return contract::check(*plan);
  };
  const contract::CheckResult before = verdict("24785^");
  REQUIRE(before.verdict == contract::Verdict::violated);
  CHECK(before.violations.front().code == contract::Code::double_reduction);
  CHECK(before.violations.front().factor == Rational(8));
  CHECK(verdict("24785").verdict == contract::Verdict::holds);
}

TEST_CASE("every spelling of an argument means the same") {
  const std::string expected = imported("sglang serve --model-path x/Kimi-K2.6 --tp-size 4");
  for (const char* command :
       {"sglang serve --model-path=x/Kimi-K2.6 --tp-size=4", "sglang serve x/Kimi-K2.6 --tp 4",
        "sglang serve --model x/Kimi-K2.6 --tensor-parallel-size '4'",
        "python -m sglang.launch_server --model-path \"x/Kimi-K2.6/\" --tp-size 4",
        "/usr/bin/python3.11 -u -m sglang.launch_server --model-path kimi-k2.6 --tp 4"}) {
    CAPTURE(command);
    CHECK(imported(command) == expected);
  }
}

TEST_CASE("flags, environment and graph settings arrive where the scenario has them") {
  const Scenario s = parsed(imported(
      "SGLANG_DP_USE_GATHERV=1 NCCL_DEBUG=INFO sglang serve --model-path deepseek-ai/DeepSeek-R1 "
      "--tp 8 --dp-size 2 --enable-dp-attention --enable-dp-lm-head --moe-dense-tp-size 1 "
      "--moe-a2a-backend deepep --moe-runner-backend triton --quantization fp8 "
      "--disable-cuda-graph --cuda-graph-bs 1 2 4 --cuda-graph-max-bs 64 "
      "--disable-shared-experts-fusion --mem-fraction-static 0.8"));
  CHECK(s.input.model.name == "deepseek-r1");
  CHECK(s.input.parallel.dp_size == 2);
  CHECK(s.input.parallel.enable_dp_lm_head);
  CHECK(s.input.parallel.moe_dense_tp_size == 1);
  CHECK(s.input.parallel.moe_a2a_backend == "deepep");
  CHECK(s.input.serving.env.at("SGLANG_DP_USE_GATHERV") == "1");
  CHECK(s.input.serving.flags.at("moe_runner_backend") == FlagValue("triton"));
  CHECK(s.input.serving.flags.at("disable_shared_experts_fusion") == FlagValue(true));
  CHECK(s.input.serving.flags.at("cuda_graph_max_bs") == FlagValue(std::int64_t{64}));
  CHECK(s.input.steps[0].cuda_graph == false);
  CHECK(s.input.steps[0].cuda_graph_bs == std::vector<int>{1, 2, 4});
  CHECK(s.input.steps[0].shards.size() == 2);
  CHECK(s.source.text.find("NCCL_DEBUG, --mem-fraction-static\n") != std::string::npos);
}

TEST_CASE("tokens are cut or repeated to the shards") {
  const Scenario s = parsed(imported("sglang serve Kimi-K2.6 --tp 16 --dp 4 --enable-dp-attention",
                                     {"latest", "hgx-h200", {7, 0, 3}}));
  const auto& shards = s.input.steps[0].shards;
  REQUIRE(shards.size() == 4);
  CHECK(shards[0].tokens() == 7);
  CHECK(shards[1].tokens() == 0);
  CHECK(shards[3].tokens() == 7);
}

TEST_CASE("a checkpoint is known by its preset, whatever its own name adds") {
  const Scenario s = parsed(imported("sglang serve --model-path moonshotai/Kimi-K2-Instruct"));
  CHECK(s.input.model.architecture == "DeepseekV3ForCausalLM");
  CHECK(s.input.model.max_position_embeddings == 131072);
  CHECK(s.input.model.quantization == "fp8");
  CHECK(s.input.model.n_routed_experts == 384);
}

TEST_CASE("a server's log line imports like the command that started it") {
  const Scenario s = parsed(
      imported("[2026-04-23 10:00:00] server_args=ServerArgs(model_path='moonshotai/Kimi-K2.6', "
               "tokenizer_path=None, tp_size=8, dp_size=8, ep_size=8, enable_dp_attention=True, "
               "moe_a2a_backend='none', quantization=None, disable_cuda_graph=False, "
               "cuda_graph_bs=[1, 2, 4], ep_num_redundant_experts=0, speculative_algorithm=None, "
               "some_new_argument='(a, b)', json_model_override_args='{}', port=30000) trailing"));
  CHECK(s.input.parallel.ep_size == 8);
  CHECK(s.input.parallel.enable_dp_attention);
  CHECK(s.input.steps[0].cuda_graph_bs == std::vector<int>{1, 2, 4});
  CHECK_FALSE(s.input.steps[0].cuda_graph);
  CHECK(import_faults("server_args=ServerArgs(model_path='x', tp_size=8") ==
        "command line: error: the log line ends inside ServerArgs(...)\n"
        "  hint: give the whole line\n");
}

TEST_CASE("unknown arguments name the nearest, all at once") {
  CHECK(import_faults("sglang serve Kimi-K2.6 --tp-sise 8 --enable-dp-atention --xyzzy") ==
        "command line: error: unknown argument --tp-sise\n"
        "  hint: did you mean --tp-size?\n"
        "command line: error: unknown argument --enable-dp-atention\n"
        "  hint: did you mean --enable-dp-attention?\n"
        "command line: error: unknown argument --xyzzy\n");
}

TEST_CASE("what changes communication without being modelled is refused by name") {
  CHECK(import_faults("sglang serve Kimi-K2.6 --speculative-algorithm EAGLE") ==
        "command line: error: not modelled yet: --speculative-algorithm\n"
        "  hint: it changes what is communicated; leave it out to ignore it\n");
}

TEST_CASE("models that are not known by name are refused with the nearest") {
  CHECK(import_faults("sglang serve --model-path moonshotai/Kimi-K2.7") ==
        "command line: error: the model 'moonshotai/Kimi-K2.7' is not known by name\n"
        "  hint: write a scenario with 'model: {config: config.json}'; the nearest known model is "
        "kimi-k2.5\n");
  CHECK(import_faults("sglang serve --tp 8") ==
        "command line: error: the command names no model\n  hint: --model-path\n");
}

TEST_CASE("values are checked as those of a scenario") {
  CHECK(import_faults("sglang serve Kimi-K2.6 --tp 0")
            .find("error: 'tp_size' must be an integer from 1 to 65536, not '0'") !=
        std::string::npos);
  CHECK(import_faults("sglang serve Kimi-K2.6 --moe-a2a-backend deep-ep")
            .find("did you mean 'deepep'?") != std::string::npos);
  CHECK(import_faults("sglang serve Kimi-K2.6 --tp") ==
        "command line: error: --tp needs a value\n");
  CHECK(import_faults("sglang serve Kimi-K2.6 --tp 4 8") ==
        "command line: error: --tp takes one value, not '4 8'\n");
  CHECK(import_faults("sglang serve --model-path a b") ==
        "command line: error: --model-path takes one value\n");
}

TEST_CASE("other commands are refused") {
  const std::string refused =
      "command line: error: this is no command that starts an SGLang server\n"
      "  hint: sglang serve ..., or python -m sglang.launch_server ...\n";
  for (const char* command : {"", "ls -l", "vllm serve Kimi-K2.6", "python3 -m vllm.entrypoint",
                              "sglang", "A=1", "python3"}) {
    CAPTURE(command);
    CHECK(import_faults(command) == refused);
  }
  CHECK(import_faults("sglang serve Kimi-K2.6 --tp 8 2>&1 | tee log") ==
        "command line: error: '>' is a shell operator; one plain command is read\n"
        "  hint: leave out pipes and redirections\n");
  CHECK(import_faults("sglang serve Kimi-K2.6 --trust-remote-code stray") ==
        "command line: error: unexpected argument 'stray'\n  hint: flags begin with --\n");
}

TEST_CASE("hostile command lines give faults or scenarios, never anything else") {
  for (const char* command :
       {"sglang serve 'Kimi-K2.6\n# x' --tp 8", "sglang serve Kimi-K2.6 --quantization '\": [{'",
        "sglang serve Kimi-K2.6 --port '1\nlockstep: 2'",
        "sglang serve Kimi-K2.6 --dp 99999999 "
        "--enable-dp-attention",
        "sglang serve Kimi-K2.6 --quantization \x01", "\\", "'", "\""}) {
    CAPTURE(command);
    const Result<std::string> text = import_sglang(command);
    if (text) CHECK(parse_scenario(*text, "s.yaml"));
  }
}

TEST_CASE("words are split as a shell splits them") {
  const auto words = [](const char* text) {
    const Result<std::vector<std::string>> split = shell_words(text);
    REQUIRE(split);
    return *split;
  };
  using Words = std::vector<std::string>;
  CHECK(words("a  b\tc\n") == Words{"a", "b", "c"});
  CHECK(words("'a b' \"c \\\" d\" e\\ f") == Words{"a b", "c \" d", "e f"});
  CHECK(words("a\\\nb \\\r\n c '' ") == Words{"ab", "c", ""});
  CHECK(words("--x='{\"a\": 1}'") == Words{"--x={\"a\": 1}"});
  CHECK(to_string(shell_words("a 'b").faults()) ==
        "command line: error: a ' is not closed\n  hint: add the closing quote\n");
}
