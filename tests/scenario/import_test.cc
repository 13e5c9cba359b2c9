#include "sim/scenario/import_sglang.h"

#include <doctest/doctest.h>

#include "sim/contract/check.h"
#include "sim/scenario/scenario.h"
#include "tests/scenario/importing.h"
#include "tests/scenario/parsing.h"

using namespace lockstep;
using namespace lockstep::test;

namespace {

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

TEST_CASE("unknown arguments are left out with a warning that names the nearest") {
  const Imported result =
      import_sglang("sglang serve Kimi-K2.6 --tp-sise 8 --enable-dp-atention --xyzzy 1 --xyzzy 2");
  CHECK(to_string(result.faults).empty());
  CHECK(to_string(result.doubts) ==
        "command line: error: unknown argument --tp-sise\n"
        "  hint: did you mean --tp-size?\n"
        "command line: error: unknown argument --enable-dp-atention\n"
        "  hint: did you mean --enable-dp-attention?\n"
        "command line: error: unknown argument --xyzzy\n");
  CHECK(result.scenario.find("# Left out, because it is not known: --tp-sise, "
                             "--enable-dp-atention, --xyzzy\n") != std::string::npos);
  CHECK(parsed(result.scenario).input.parallel.tp_size == 1);
}

TEST_CASE("strict import refuses unknown arguments") {
  ImportOptions options;
  options.strict = true;
  CHECK(import_faults("sglang serve Kimi-K2.6 --tp-sise 8", options) ==
        "command line: error: unknown argument --tp-sise\n  hint: did you mean --tp-size?\n");
}

TEST_CASE("what changes communication without being modelled is refused by name") {
  CHECK(import_faults("sglang serve Kimi-K2.6 --speculative-algo EAGLE") ==
        "command line: error: not modelled yet: --speculative-algo\n"
        "  hint: it changes what is communicated; to import the rest: --ignore "
        "speculative-algorithm\n");
  for (const char* flags :
       {"--enable-eplb", "--ep-num-redundant-experts 32", "--dcp-size 4", "--device npu",
        "--enable-nsa-prefill-context-parallel", "--enable-lora", "--dwdp-size 8",
        "--enable-single-batch-overlap", "--init-expert-location x.json",
        "--model-impl transformers", "--enable-deepep-waterfill",
        "--json-model-override-args '{\"n_group\": 2}'"}) {
    CAPTURE(flags);
    const std::string faults = import_faults(std::string("sglang serve Kimi-K2.6 --tp 8 ") + flags);
    CHECK(faults.starts_with("command line: error: not modelled yet: --"));
  }
  for (const char* flags : {"--device cuda", "--ep-num-redundant-experts 0", "--dcp-size 1",
                            "--json-model-override-args '{}'", "--init-expert-location trivial"}) {
    CAPTURE(flags);
    CHECK(import_faults(std::string("sglang serve Kimi-K2.6 --tp 8 ") + flags) == "none");
  }
}

TEST_CASE("an argument that is not modelled can be left out, and the scenario says so") {
  ImportOptions options;
  options.ignored = {"--speculative-algorithm", "enable_eplb"};
  const std::string text = imported(
      "sglang serve Kimi-K2.6 --tp 8 --speculative-algorithm EAGLE --speculative-num-steps 3 "
      "--enable-eplb",
      options);
  CHECK(text.find("# Left out as asked: --enable-eplb, --speculative-algorithm\n") !=
        std::string::npos);
  options.ignored = {"speculative-algorithms"};
  CHECK(import_faults("sglang serve Kimi-K2.6", options) ==
        "command line: error: there is no argument speculative-algorithms to ignore\n"
        "  hint: did you mean --speculative-algorithm?\n");
}

TEST_CASE("models that are not known by name are refused with the nearest") {
  CHECK(import_faults("sglang serve --model-path moonshotai/Kimi-K2.7") ==
        "command line: error: the model 'moonshotai/Kimi-K2.7' is not known by name\n"
        "  hint: give --model NAME, or a folder with its config.json; the nearest known model is "
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
        "command line: error: --model-path takes one value, not 'a b'\n");
}

TEST_CASE("other commands are refused") {
  const std::string refused =
      "command line: error: this is no command that starts an SGLang server\n"
      "  hint: sglang serve ..., python -m sglang.launch_server ..., or a log line with "
      "ServerArgs(...)\n";
  for (const char* command : {"", "ls -l", "vllm serve Kimi-K2.6", "python3 -m vllm.entrypoint",
                              "sglang", "A=1", "python3", "# sglang serve Kimi-K2.6"}) {
    CAPTURE(command);
    CHECK(import_faults(command) == refused);
  }
  CHECK(import_faults("sglang serve Kimi-K2.6 --trust-remote-code stray") ==
        "command line: error: unexpected argument 'stray'\n  hint: flags begin with --\n");
  CHECK(import_faults("sglang serve Kimi-K2.6 -tp 8")
            .starts_with("command line: error: unexpected argument '-tp'\n"));
}
