// The file as a whole: its kinds, unknown keys, types, and that all faults come at once.
#include <doctest/doctest.h>

#include "sim/cost/hardware_file.h"
#include "sim/scenario/scenario.h"
#include "tests/scenario/parsing.h"

using namespace lockstep;
using namespace lockstep::test;

TEST_CASE("every key of the design's example arrives") {
  const Scenario s = parsed(R"(lockstep: 1
name: kimi-k2.6-dep8
about: the seed case
model: kimi-k2.6
serving:
  system: sglang
  revision: 24785
  flags: {moe_runner_backend: triton, cuda_graph_max_bs: 64, enable_two_batch_overlap: false}
  env: {SGLANG_DP_USE_GATHERV: true}
  rules: {should_use_reduce_scatter: "use_dp_reduce_scatterv or padding == max_len"}
parallel: {tp_size: 8, dp_size: 8, ep_size: 8, enable_dp_attention: true}
hardware: {preset: gb200-nvl72, nodes: 2}
batch:
  forward_mode: extend
  tokens: [1024, 37, 0, 512, 3, 128, 64, 900]
  padding: sum_len
  cuda_graph: false
  cuda_graph_bs: [1, 2, 4]
  prefill_graph: {}
seed: 7
)");
  CHECK(s.name == "kimi-k2.6-dep8");
  CHECK(s.about == "the seed case");
  CHECK(s.input.name == s.name);
  CHECK(s.input.model.name == "kimi-k2.6");
  CHECK(s.input.serving.revision == "24785");
  CHECK(s.input.serving.flags.at("moe_runner_backend") == FlagValue("triton"));
  CHECK(s.input.serving.flags.at("cuda_graph_max_bs") == FlagValue(std::int64_t{64}));
  CHECK(s.input.serving.flags.at("enable_two_batch_overlap") == FlagValue(false));
  CHECK(s.input.serving.env.at("SGLANG_DP_USE_GATHERV") == "true");
  CHECK(s.input.serving.rules.size() == 1);
  CHECK(s.input.parallel.tp_size == 8);
  CHECK(s.input.parallel.enable_dp_attention);
  CHECK(s.hardware.name == "gb200-nvl72");
  CHECK(s.nodes == 2);
  CHECK(s.input.gpu == "blackwell");
  CHECK(s.input.gpus_per_node == 4);
  REQUIRE(s.input.steps.size() == 1);
  CHECK(s.input.steps[0].shards.size() == 8);
  CHECK(s.input.steps[0].padding == Padding::sum_len);
  CHECK(s.input.steps[0].cuda_graph == false);
  CHECK(s.input.steps[0].cuda_graph_bs == std::vector<int>{1, 2, 4});
  CHECK(s.input.seed == 7);
  CHECK_FALSE(s.expect);
}

TEST_CASE("absent keys have the documented defaults") {
  const Scenario s = parsed(with_batch(""));
  CHECK(s.name == "s");
  CHECK(s.input.serving == ServingSpec{});
  CHECK(s.input.parallel == ParallelFlags{});
  CHECK(s.hardware == default_hardware());
  CHECK(s.input.seed == 1);
  CHECK_FALSE(s.input.steps[0].padding);
  CHECK_FALSE(s.input.steps[0].cuda_graph);
}

TEST_CASE("an unknown key is a fault that names the nearest") {
  CHECK(faults_of(with_batch("parallel: {tp_sise: 8}\n")) ==
        "s.yaml:4:12: error: unknown key 'tp_sise' in 'parallel'\n"
        "  parallel: {tp_sise: 8}\n"
        "             ^\n"
        "  hint: did you mean 'tp_size'?\n");
  CHECK(faults_of(with_batch("sed: 1\n")) ==
        "s.yaml:4:1: error: unknown key 'sed' in a scenario\n"
        "  sed: 1\n"
        "  ^\n"
        "  hint: did you mean 'seed'?\n");
}

TEST_CASE("an unknown key that is far from all lists those that there are") {
  CHECK(faults_of(with_batch("hardware: {preset: hgx-h200, colour: red}\n")) ==
        "s.yaml:4:30: error: unknown key 'colour' in 'hardware'\n"
        "  hardware: {preset: hgx-h200, colour: red}\n"
        "                               ^\n"
        "  hint: known: preset, nodes, file, name, about, accuracy, generation, node, gpu, launch, "
        "nccl, serving, sources\n");
}

TEST_CASE("a key in the wrong section is told where it belongs") {
  CHECK(faults_of(with_batch("serving:\n  flags: {tp_size: 8}\n")) ==
        "s.yaml:5:11: error: unknown key 'tp_size' in 'serving.flags'\n"
        "    flags: {tp_size: 8}\n"
        "            ^\n"
        "  hint: 'tp_size' belongs to 'parallel'\n");
  CHECK(faults_of(with_batch("parallel: {seed: 8}\n"))
            .find("hint: 'seed' belongs at the top of the file") != std::string::npos);
}

TEST_CASE("a value of the wrong type or out of range says what was expected") {
  CHECK(faults_of(with_batch("parallel: {tp_size: eight}\n")) ==
        "s.yaml:4:21: error: 'tp_size' must be an integer from 1 to 65536, not 'eight'\n"
        "  parallel: {tp_size: eight}\n"
        "                      ^\n");
  CHECK(faults_of(with_batch("parallel: {tp_size: \"8\"}\n")).find("not the text \"8\"") !=
        std::string::npos);
  for (const char* value : {"0", "65537", "-8", "8.0", "99999999999999999999", "[8]", "{}", "~"}) {
    CAPTURE(value);
    CHECK(faults_of(with_batch(std::string("parallel: {tp_size: ") + value + "}\n"))
              .find("'tp_size' must be an integer from 1 to 65536") != std::string::npos);
  }
  CHECK(faults_of(with_batch("parallel: {enable_dp_attention: yes}\n")) ==
        "s.yaml:4:33: error: 'enable_dp_attention' must be true or false, not 'yes'\n"
        "  parallel: {enable_dp_attention: yes}\n"
        "                                  ^\n");
  CHECK(faults_of(with_batch("parallel: 8\n")) ==
        "s.yaml:4:11: error: 'parallel' must be a map, not '8'\n"
        "  parallel: 8\n"
        "            ^\n");
  CHECK(faults_of(with_batch("seed: -1\n"))
            .find("'seed' must be an integer of at least 0, not '-1'") != std::string::npos);
}

TEST_CASE("a choice names its values and the nearest") {
  CHECK(faults_of(with_batch("parallel: {moe_a2a_backend: deep_ep}\n")) ==
        "s.yaml:4:29: error: 'moe_a2a_backend' must be one of none, deepep, deepep_v2, mooncake, "
        "nixl, ascend_fuseep, flashinfer, mori, pplx, megamoe, not 'deep_ep'\n"
        "  parallel: {moe_a2a_backend: deep_ep}\n"
        "                              ^\n"
        "  hint: did you mean 'deepep'?\n");
}

TEST_CASE("all faults of a file come at once, in the order of the file") {
  CHECK(faults_of("lockstep: 2\n"
                  "nane: x\n"
                  "model: kimi-k2.7\n"
                  "parallel: {tp_size: 0, dp_size: x}\n"
                  "batch: {tokens: -1, padding: max}\n") ==
        "s.yaml:1:11: error: 'lockstep' must be 1, not '2'\n"
        "  lockstep: 2\n"
        "            ^\n"
        "s.yaml:2:1: error: unknown key 'nane' in a scenario\n"
        "  nane: x\n"
        "  ^\n"
        "  hint: did you mean 'name'?\n"
        "s.yaml:3:8: error: unknown model preset 'kimi-k2.7'\n"
        "  model: kimi-k2.7\n"
        "         ^\n"
        "  hint: did you mean 'kimi-k2.5'?\n"
        "s.yaml:4:21: error: 'tp_size' must be an integer from 1 to 65536, not '0'\n"
        "  parallel: {tp_size: 0, dp_size: x}\n"
        "                      ^\n"
        "s.yaml:4:33: error: 'dp_size' must be an integer from 1 to 65536, not 'x'\n"
        "  parallel: {tp_size: 0, dp_size: x}\n"
        "                                  ^\n"
        "s.yaml:5:17: error: 'tokens' must be an integer from 0 to 1000000, or a list of them, "
        "not '-1'\n"
        "  batch: {tokens: -1, padding: max}\n"
        "                  ^\n"
        "s.yaml:5:30: error: 'padding' must be one of auto, max_len, sum_len, not 'max'\n"
        "  batch: {tokens: -1, padding: max}\n"
        "                               ^\n");
}

TEST_CASE("a fault in the layout is not reported again for the lists that depend on it") {
  const std::string text = with_model(
      "parallel: {tp_size: 8, dp_size: 4x, enable_dp_attention: true}\n"
      "batch: {tokens: [1, 2, 3, 4]}\n");
  CHECK(faults_of(text).find("'dp_size' must be") != std::string::npos);
  CHECK(faults_of(text).find("tokens") == std::string::npos);
}

TEST_CASE("files that are no scenarios get one sentence") {
  CHECK(faults_of("model: kimi-k2.6\n") ==
        "s.yaml:1:1: error: this is not a scenario: 'lockstep: 1' is missing\n"
        "  model: kimi-k2.6\n"
        "  ^\n"
        "  hint: write 'lockstep: 1' at the top\n");
  CHECK(faults_of("") ==
        "s.yaml: error: this is not a scenario: 'lockstep: 1' is missing\n"
        "  hint: write 'lockstep: 1' at the top\n");
  CHECK(faults_of("lockstep: 1\nplan: x\n") ==
        "s.yaml:2:7: error: this is a plan file, not a scenario\n"
        "  plan: x\n"
        "        ^\n"
        "  hint: only check, replay and plan accept plan files\n");
  CHECK(faults_of("lockstep: 1\nworld: 1\ntokens: 1\nmodel: kimi-k2.6\nprogram: []\n") ==
        "s.yaml:4:8: error: a scenario has a program or 'model', not both\n"
        "  model: kimi-k2.6\n"
        "         ^\n");
}

TEST_CASE("what a scenario cannot do without is asked for by name") {
  CHECK(faults_of("lockstep: 1\n") ==
        "s.yaml:1:1: error: 'model' is missing: what is computed\n"
        "  lockstep: 1\n"
        "  ^\n"
        "  hint: for example 'model: kimi-k2.6'\n"
        "s.yaml:1:1: error: 'batch' is missing: what arrives\n"
        "  lockstep: 1\n"
        "  ^\n"
        "  hint: or 'steps', a list of batches\n");
}

TEST_CASE("a file that cannot be read is a fault") {
  const Result<Scenario> scenario = load_scenario("no/such/file.yaml");
  REQUIRE_FALSE(scenario);
  CHECK(to_string(scenario.faults()) == "no/such/file.yaml: error: cannot open this file\n");
}

TEST_CASE("a fault of lowering is shown where its key stands") {
  // 8 ranks do not divide into 3 shards: SGLang refuses that.
  const Scenario scenario =
      parsed(with_model("serving: {revision: 24785}\n"
                        "parallel: {tp_size: 8, dp_size: 3, enable_dp_attention: true}\n"
                        "batch: {tokens: 1}\n"));
  const Result<Plan> plan = lower(scenario);
  REQUIRE_FALSE(plan);
  const Diagnostic& fault = plan.faults().front();
  CHECK(fault.path == "parallel.dp_size");
  CHECK(fault.place == Place{"s.yaml", 4, 33});
  CHECK(fault.source_line == "parallel: {tp_size: 8, dp_size: 3, enable_dp_attention: true}");
}
