// The `serving` and `hardware` keys.
#include <doctest/doctest.h>

#include "sim/scenario/fixes.h"
#include "sim/scenario/scenario.h"
#include "tests/scenario/parsing.h"

using namespace lockstep;
using namespace lockstep::test;

TEST_CASE("a revision is text or a number, which mean the same") {
  const auto revision = [](const char* value) {
    return parsed(with_batch(std::string("serving: {revision: ") + value + "}\n"))
        .input.serving.revision;
  };
  CHECK(revision("24785") == revision("\"24785\""));
  CHECK(revision("24785^") == "24785^");
  CHECK(revision("2026-05-01") == "2026-05-01");
}

TEST_CASE("a flag has the type of the server's argument") {
  CHECK(faults_of(with_batch("serving: {flags: {disable_cuda_graph: 1}}\n"))
            .find("'disable_cuda_graph' must be true or false, not '1'") != std::string::npos);
  CHECK(faults_of(with_batch("serving: {flags: {cuda_graph_max_bs: many}}\n"))
            .find("'cuda_graph_max_bs' must be an integer from 1 to 65536") != std::string::npos);
  CHECK(faults_of(with_batch("serving: {flags: {flashinfer_allreduce_fusion_backend: trt}}\n"))
            .find("must be one of auto, trtllm, mnnvl, not 'trt'") != std::string::npos);
  CHECK(faults_of(with_batch("serving: {flags: {quantization: [fp8]}}\n"))
            .find("'quantization' must be text, not a list") != std::string::npos);
}

TEST_CASE("unknown environment variables and systems are refused") {
  CHECK(faults_of(with_batch("serving: {env: {SGLANG_DP_USE_GATHER: 1}}\n")) ==
        "s.yaml:4:17: error: unknown key 'SGLANG_DP_USE_GATHER' in 'serving.env'\n"
        "  serving: {env: {SGLANG_DP_USE_GATHER: 1}}\n"
        "                  ^\n"
        "  hint: did you mean 'SGLANG_DP_USE_GATHERV'?\n");
  CHECK(faults_of(with_batch("serving: {system: vllm}\n"))
            .find("'system' must be one of sglang, plain, not 'vllm'") != std::string::npos);
}

TEST_CASE("changes that are added or taken out are lists of numbers") {
  const ServingSpec serving =
      parsed(with_batch("serving: {revision: 24785^, with: [24785, 36507], without: [22642]}\n"))
          .input.serving;
  CHECK(serving.with == std::vector<int>{24785, 36507});
  CHECK(serving.without == std::vector<int>{22642});
  CHECK(faults_of(with_batch("serving: {with: 24785}\n"))
            .find("'with' must be a list of integers from 1 to 1000000000, not '24785'") !=
        std::string::npos);
  CHECK(faults_of(with_batch("serving: {without: [24785, abc]}\n"))
            .find("'without' must be a list of integers") != std::string::npos);
  CHECK(faults_of(with_batch("serving: {with: [99999999999999999999]}\n"))
            .find("'with' must be a list of integers") != std::string::npos);
  std::string many = "serving: {with: [1";
  for (int i = 0; i < 300; ++i) many += ", 1";
  CHECK(faults_of(with_batch(many + "]}\n")).find("'with' has 301 entries; at most 256") !=
        std::string::npos);
}

TEST_CASE("a toggle that cannot be has its place in the file") {
  const Scenario s = parsed(with_batch("serving: {revision: 24785, with: [36507, 24785]}\n"));
  const Result<Plan> plan = lower(s);
  REQUIRE_FALSE(plan);
  CHECK(to_string(plan.faults().front()).starts_with("s.yaml:4:42: error: #24785 is in revision"));
}

TEST_CASE("settings and fixes keep toggles") {
  const Scenario s =
      parsed(with_batch("serving: {revision: 24785^}\n"), {{"serving.with", "[24785]"}});
  const Result<std::string> text = apply_fix(s, {"input", "as it is", {}});
  REQUIRE(text);
  CHECK(text->find("  with: [24785]\n") != std::string::npos);
  CHECK(parsed(*text).input.serving == s.input.serving);
}

TEST_CASE("a rule is an expression in text") {
  CHECK(faults_of(with_batch("serving: {rules: {should_use_reduce_scatter: [a]}}\n")) ==
        "s.yaml:4:46: error: the rule 'should_use_reduce_scatter' must be an expression, not a "
        "list\n"
        "  serving: {rules: {should_use_reduce_scatter: [a]}}\n"
        "                                               ^\n"
        "  hint: for example \"padding == max_len\"\n");
}

TEST_CASE("a family file that is not there is named, relative to the scenario") {
  CHECK(faults_of(with_batch("serving: {family: f.yaml}\n")) ==
        "s.yaml:4:19: error: f.yaml: cannot open this file\n"
        "  serving: {family: f.yaml}\n"
        "                    ^\n"
        "  hint: the path is relative to the scenario\n");
}

TEST_CASE("each hardware preset has a GPU generation and a node size") {
  const auto hardware = [](const char* name) {
    return parsed(with_batch(std::string("hardware: ") + name + "\n")).hardware;
  };
  CHECK(hardware("hgx-a100").generation == "ampere");
  CHECK(hardware("hgx-h100").generation == "hopper");
  CHECK(hardware("hgx-h200").node.host_gpus == 8);
  CHECK(hardware("hgx-b200").generation == "blackwell");
  CHECK(hardware("hgx-b300").generation == "blackwell");
  CHECK(hardware("gb200-nvl72").node.host_gpus == 4);
  CHECK(hardware("pcie-rtx-pro-6000").generation == "blackwell");
  CHECK(hardware("loopback").generation == "none");
}

TEST_CASE("unknown hardware names the nearest") {
  CHECK(faults_of(with_batch("hardware: hgx-h300\n")) ==
        "s.yaml:4:11: error: unknown hardware preset 'hgx-h300'\n"
        "  hardware: hgx-h300\n"
        "            ^\n"
        "  hint: did you mean 'hgx-b300'?\n");
  CHECK(faults_of(with_batch("hardware: [a]\n")).find("unknown hardware preset a list") !=
        std::string::npos);
}
