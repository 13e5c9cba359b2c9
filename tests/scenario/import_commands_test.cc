// Command lines as people write them: from SGLang's documentation, recipes and issues, with the
// names of hosts and folders changed.
#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>

#include "sim/contract/check.h"
#include "sim/scenario/scenario.h"
#include "tests/scenario/importing.h"
#include "tests/scenario/parsing.h"

using namespace lockstep;
using namespace lockstep::test;

namespace {

// The scenario from its model on, without what is ignored.
std::string body(const std::string& command, const ImportOptions& options = {}) {
  const std::string text = imported(command, options);
  return text.substr(text.find("\nmodel:") + 1);
}

// A plan, or a refusal that says which setting is not modelled or does not fit.
void must_lower(const std::string& text) {
  const Scenario scenario = parsed(text);
  const Result<Plan> plan = lower(scenario);
  if (plan) {
    CHECK(contract::check(*plan).verdict != contract::Verdict::unknown);
  } else {
    CHECK_FALSE(plan.faults()[0].message.empty());
  }
}

const std::string kServing =
    "serving:\n"
    "  system: sglang\n"
    "  revision: \"latest\"\n";

}  // namespace

TEST_CASE("DeepSeek-R1 on two nodes of eight") {
  const char* const command =
      "# Node 0\n"
      "python3 -m sglang.launch_server \\\n"
      "  --model-path deepseek-ai/DeepSeek-R1 \\\n"
      "  --tp 16 --dist-init-addr 10.0.0.1:5000 --nnodes 2 --node-rank 0 \\\n"
      "  --trust-remote-code --host 0.0.0.0 --port 40000\n";
  CHECK(body(command) == "model: deepseek-r1\n" + kServing +
                             "parallel:\n"
                             "  tp_size: 16\n"
                             "hardware:\n"
                             "  preset: hgx-h200\n"
                             "  nodes: 2\n"
                             "batch:\n"
                             "  forward_mode: extend\n"
                             "  tokens: [1024]\n");
  must_lower(imported(command));
}

TEST_CASE("DeepSeek-V3 with attention shards and DeepEP, as a script has it") {
  const char* const script =
      "#!/bin/bash\n"
      "set -e\n"
      "export MODEL_PATH=/models/DeepSeek-V3-0324\n"
      "export NCCL_DEBUG=INFO SGLANG_SHARED_EXPERT_TP1=1\n"
      "cd /sgl-workspace\n"
      "\n"
      "nohup env GLOO_SOCKET_IFNAME=eth0 python -u -m sglang.launch_server \\\r\n"
      "    --model-path ${MODEL_PATH} \\\r\n"
      "    --tp=16 --dp=16 --enable-dp-attention --enable-dp-lm-head \\ \n"
      "    --moe-a2a-backend deepep --deepep-mode auto --moe-dense-tp 1 \\\n"
      "    --deepep-config '{\"normal_dispatch\": {\"num_sms\": 96}}' \\\n"
      "    --nnodes $NNODES --node-rank $1 --dist-init-addr \"$(hostname -i):5000\" \\\n"
      "    --cuda-graph-bs 1 2 4 8 --mem-frac 0.85 --chunked-prefill-size -1 \\\n"
      "    > server.log 2>&1 &\n"
      "echo started\n";
  ImportOptions options;
  options.hardware = "hgx-h100";
  const std::string faults = import_faults(script, options);
  CHECK(faults.find("'nodes' must be an integer from 1 to 65536, not") != std::string::npos);
  std::string text = script;
  text.insert(text.find("cd "), "NNODES=2\n");
  CHECK(body(text, options) ==
        "model: deepseek-v3\n" + kServing +
            "  env:\n"
            "    SGLANG_SHARED_EXPERT_TP1: \"1\"\n"
            "parallel:\n"
            "  tp_size: 16\n"
            "  dp_size: 16\n"
            "  moe_dense_tp_size: 1\n"
            "  enable_dp_attention: true\n"
            "  enable_dp_lm_head: true\n"
            "  moe_a2a_backend: deepep\n"
            "hardware:\n"
            "  preset: hgx-h100\n"
            "  nodes: 2\n"
            "batch:\n"
            "  forward_mode: extend\n"
            "  tokens: [1024, 37, 0, 512, 3, 128, 64, 900, 1024, 37, 0, 512, "
            "3, 128, 64, 900]\n"
            "  cuda_graph_bs: [1, 2, 4, 8]\n");
  must_lower(imported(text, options));
}

TEST_CASE("Kimi K2.6 in NVFP4, in a container") {
  const char* const command =
      "docker run --gpus all --shm-size 32g -p 30000:30000 --ipc=host "
      "-e SGLANG_DP_USE_GATHERV=0 --env=HF_TOKEN=secret lmsysorg/sglang:latest "
      "sglang serve --model-path nvidia/Kimi-K2.6-NVFP4 --tensor-parallel-size 8 "
      "--data-parallel-size 8 --expert-parallel-size 8 --enable-dp-att "
      "--quantization modelopt_fp4 --moe-runner-backend flashinfer_cutlass "
      "--tool-call-parser kimi_k2 --reasoning-parser kimi_k2";
  CHECK(body(command) == "model: kimi-k2.6-nvfp4\n" + kServing +
                             "  env:\n"
                             "    SGLANG_DP_USE_GATHERV: \"0\"\n"
                             "  flags:\n"
                             "    moe_runner_backend: \"flashinfer_cutlass\"\n"
                             "    quantization: \"modelopt_fp4\"\n"
                             "parallel:\n"
                             "  tp_size: 8\n"
                             "  dp_size: 8\n"
                             "  ep_size: 8\n"
                             "  enable_dp_attention: true\n"
                             "hardware: hgx-h200\n"
                             "batch:\n"
                             "  forward_mode: extend\n"
                             "  tokens: [1024, 37, 0, 512, 3, 128, 64, 900]\n");
  CHECK(imported(command).find("secret") == std::string::npos);
  must_lower(imported(command));
}

TEST_CASE("a decode server of a disaggregated deployment decodes") {
  const std::string command =
      "python3 -m sglang.launch_server --model-path deepseek-ai/DeepSeek-R1-0528 --tp 8 --dp 4 "
      "--enable-dp-attention --disaggregation-mode decode --disaggregation-ib-device mlx5_0,mlx5_1 "
      "--disaggregation-transfer-backend nixl --cuda-graph-max-bs 32 --max-running-requests 256";
  CHECK(body(command) == "model: deepseek-r1\n" + kServing +
                             "  flags:\n"
                             "    cuda_graph_max_bs: 32\n"
                             "parallel:\n"
                             "  tp_size: 8\n"
                             "  dp_size: 4\n"
                             "  enable_dp_attention: true\n"
                             "hardware: hgx-h200\n"
                             "batch:\n"
                             "  forward_mode: decode\n"
                             "  tokens: [16, 3, 0, 8]\n");
  must_lower(imported(command));
  CHECK(imported(command).find("# Ignored, because it does not decide on communication: "
                               "--disaggregation-mode,") != std::string::npos);
}

TEST_CASE("speculative decoding is refused once, by the argument that switches it on") {
  const std::string command =
      "python -m sglang.launch_server --model-path /data/deepseek-ai/DeepSeek-R1 --tp-size 16 "
      "--dp-size 8 --enable-dp-attention --speculative-algorithm EAGLE --speculative-num-steps 1 "
      "--speculative-eagle-topk 1 --speculative-num-draft-tokens 2 "
      "--speculative-draft-model-path /data/DeepSeek-R1-NextN";
  CHECK(import_faults(command) ==
        "command line: error: not modelled yet: --speculative-algorithm\n"
        "  hint: it changes what is communicated; to import the rest: --ignore "
        "speculative-algorithm\n");
  ImportOptions options;
  options.ignored = {"speculative-algorithm"};
  must_lower(imported(command, options));
}

TEST_CASE("models of other families import as soon as they are given one") {
  ImportOptions options;
  options.model = "deepseek-v3";
  const Scenario gpt_oss = parsed(imported(
      "sglang serve --model openai/gpt-oss-120b --tp 8 --ep 2 --attention-backend trtllm_mha "
      "--moe-runner-backend flashinfer_mxfp4 --disable-hybrid-swa-memory",
      options));
  CHECK(gpt_oss.input.parallel.ep_size == 2);
  CHECK(gpt_oss.input.serving.flags.at("moe_runner_backend") == FlagValue("flashinfer_mxfp4"));
  const Scenario qwen = parsed(
      imported("numactl --cpunodebind=0 --membind=0 python3 -m sglang.launch_server --model-path "
               "Qwen/Qwen3-235B-A22B-Instruct-2507-FP8 --tp 8 --ep-size 4 --context-length 262144 "
               "--enable-flashinfer-allreduce-fusion --disable-piecewise-cuda-graph",
               options));
  CHECK(qwen.input.parallel.ep_size == 4);
  CHECK(qwen.input.serving.flags.at("enable_flashinfer_allreduce_fusion") == FlagValue(true));
  CHECK(qwen.input.serving.flags.at("cuda_graph_backend_prefill") == FlagValue("disabled"));
}

TEST_CASE("old switches mean what they meant") {
  CHECK(parsed(imported("python -m sglang.launch_server --model deepseek-ai/DeepSeek-V3 --tp 8 "
                        "--enable-deepep-moe --stream-output"))
            .input.parallel.moe_a2a_backend == "deepep");
  CHECK(parsed(imported("python -m sglang.launch_server --enable-ep-moe --tp 8 --model "
                        "deepseek-ai/DeepSeek-V3"))
            .input.parallel.ep_size == 8);
  CHECK(import_remarks("sglang serve deepseek-v3 --tp 8 --enable-deepep-moe") ==
        "command line: error: --enable-deepep-moe is old; it means --moe-a2a-backend deepep\n");
}

TEST_CASE("a server that mixes chunks gets a note on where mixed steps are said") {
  const std::string serve = "sglang serve deepseek-v3 --tp 8";
  CHECK(import_remarks(serve + " --enable-mixed-chunk") ==
        "command line: error: --enable-mixed-chunk: running decodes may join a chunk of a prefill\n"
        "  hint: such a step is for batch.requests: [[{extend: 512}, {decode: 1, kv: 4096}]]\n");
  CHECK(imported(serve + " --enable-mixed-chunk") == imported(serve));
}

TEST_CASE("the last of a repeated argument counts, and that is said") {
  const std::string command =
      "sglang serve Kimi-K2.6 --tp 4 --cuda-graph-bs 1 2 --tensor-parallel "
      "8 --cuda-graph-bs 4 8";
  const Scenario s = parsed(imported(command));
  CHECK(s.input.parallel.tp_size == 8);
  CHECK(s.input.steps[0].cuda_graph_bs == std::vector<int>{4, 8});
  CHECK(import_remarks(command) ==
        "command line: error: --tensor-parallel is given more than once; the last counts: 8\n"
        "command line: error: --cuda-graph-bs is given more than once; the last counts: 4 8\n");
}

TEST_CASE("of replicas without shared attention, the scenario is one") {
  const std::string command = "sglang serve kimi-k2.6 --tp 8 --dp 2 --nnodes 2";
  CHECK(parsed(imported(command)).input.parallel.dp_size == 1);
  CHECK(import_remarks(command) ==
        "command line: error: --dp-size 2 without --enable-dp-attention makes servers that "
        "exchange nothing; the scenario is one of them\n");
  must_lower(imported(command));
}

TEST_CASE("an abbreviation of several arguments is refused with all of them") {
  CHECK(import_faults("sglang serve Kimi-K2.6 --pp 2") ==
        "command line: error: --pp abbreviates several arguments\n"
        "  hint: one of --pp-size, --pp-max-micro-batch-size, --pp-async-batch-depth\n");
  CHECK(import_faults("sglang serve Kimi-K2.6 --enable-d=true --tp 8")
            .find("hint: one of --enable-dp-attention, ") != std::string::npos);
}

TEST_CASE("two servers in one text are refused with their lines") {
  CHECK(import_faults("# prefill\nsglang serve Kimi-K2.6 --tp 8\n\n# decode\n"
                      "sglang serve Kimi-K2.6 --tp 16\n") ==
        "command line: error: two commands start a server, in line 2 and in line 5\n"
        "  hint: give one of them; those of further nodes differ in --node-rank only\n");
}

TEST_CASE("checkpoints are found by their names, wherever they are kept") {
  for (const char* path :
       {"moonshotai/Kimi-K2.6", "/models/kimi-k2.6/", "KIMI-K2.6",
        "/root-cache/hub/models--moonshotai--Kimi-K2.6/snapshots/2069b3fae1114555f3c020c8",
        "moonshotai/Kimi-K2.6-Instruct-0905"}) {
    CAPTURE(path);
    const Scenario s = parsed(imported(std::string("sglang serve --model-path ") + path));
    CHECK(s.input.model.name == "kimi-k2.6");
    CHECK(s.input.model.quantization == "int4");
  }
  const Scenario s = parsed(imported("sglang serve nvidia/DeepSeek-R1-0528-NVFP4-v2"));
  CHECK(s.input.model.name == "deepseek-r1");
  CHECK(s.input.model.quantization == "nvfp4");
  for (const char* path : {"deepseek-ai/DeepSeek-R1-Distill-Qwen-7B", "deepseek-ai/DeepSeek-V3.2",
                           "lmsys/Kimi-K2.6-Eagle3", "/models/", "/"}) {
    CAPTURE(path);
    CHECK(import_faults(std::string("sglang serve --model-path ") + path)
              .find("is not known by name") != std::string::npos);
  }
  CHECK(import_faults("sglang serve --model-path $MODEL").find("a variable that the text does") !=
        std::string::npos);
}

TEST_CASE("a folder with a config.json is its own model") {
  const std::filesystem::path folder =
      std::filesystem::temp_directory_path() / "lockstep-import-model";
  std::filesystem::create_directories(folder);
  std::filesystem::copy_file("tests/scenario/data/zai-org--GLM-5.json", folder / "config.json",
                             std::filesystem::copy_options::overwrite_existing);
  const Scenario s = parsed(imported("sglang serve --tp 8 --model-path " + folder.string() + "/"));
  CHECK(s.input.model.architecture == "GlmMoeDsaForCausalLM");
  std::filesystem::remove_all(folder);
}

namespace {

// A file that goes with the test.
class TemporaryFile {
 public:
  TemporaryFile(const std::string& name, const std::string& text)
      : path_((std::filesystem::temp_directory_path() / name).string()) {
    std::ofstream(path_) << text;
  }
  ~TemporaryFile() { std::filesystem::remove(path_); }
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

}  // namespace

TEST_CASE("a config file is merged, and the command line wins") {
  const TemporaryFile config("lockstep-import.yaml",
                             "model-path: moonshotai/Kimi-K2.6\n"
                             "tensor_parallel_size: 4\n"
                             "dp-size: 4\n"
                             "enable-dp-attention: yes\n"
                             "enable-dp-lm-head: false\n"
                             "cuda-graph-bs: [1, 2]\n"
                             "host: 0.0.0.0\n"
                             "tp-sise: 3\n");
  const std::string command = "sglang serve --tp 8 --config " + config.path();
  const Scenario s = parsed(imported(command));
  CHECK(s.input.parallel.tp_size == 8);
  CHECK(s.input.parallel.dp_size == 4);
  CHECK(s.input.parallel.enable_dp_attention);
  CHECK_FALSE(s.input.parallel.enable_dp_lm_head);
  CHECK(s.input.steps[0].cuda_graph_bs == std::vector<int>{1, 2});
  CHECK(import_remarks(command) == config.path() +
                                       ": error: unknown argument tp-sise\n"
                                       "  hint: did you mean --tp-size?\n"
                                       "command line: error: --tp 8 replaces what " +
                                       config.path() + " says\n");
}

TEST_CASE("a config file that is missing or wrong is a fault with its place") {
  CHECK(import_faults("sglang serve --config /nowhere/c.yaml") ==
        "/nowhere/c.yaml: error: cannot open this file\n");
  CHECK(import_faults("sglang serve --config c.json").find("is no .yaml") != std::string::npos);
  CHECK(import_faults("sglang serve --config a.yaml --config b.yaml")
            .find("two config files are given") != std::string::npos);
  const auto faults = [](const std::string& text) {
    const TemporaryFile config("lockstep-import-bad.yaml", text);
    return import_faults("sglang serve Kimi-K2.6 --config " + config.path());
  };
  CHECK(faults("tp-size: {a: 1}\n").find("bad.yaml:1:10: error: 'tp-size' has no value") !=
        std::string::npos);
  CHECK(faults("host: x\ntp-size:\n").find("bad.yaml:2:1: error: 'tp-size' has no value") !=
        std::string::npos);
  CHECK(faults("enable-dp-attention: 3\n").find("is true or false") != std::string::npos);
  CHECK(faults("- tp-size\n").find("holds arguments and their values") != std::string::npos);
  CHECK(faults("tp-size: [\n").find("bad.yaml:") != std::string::npos);
  CHECK(faults("") == "none");
}
