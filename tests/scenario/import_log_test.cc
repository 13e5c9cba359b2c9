// The line that a running server logs.
#include <doctest/doctest.h>

#include "sim/scenario/python_call.h"
#include "sim/scenario/scenario.h"
#include "tests/scenario/importing.h"
#include "tests/scenario/parsing.h"

using namespace lockstep;
using namespace lockstep::test;

namespace {

// Some of the 400 arguments of such a line, with the values of SGLang's defaults in between, and
// broken where an issue's author pasted it from a terminal.
const char* const kLine =
    "[2026-04-23 10:00:00] INFO engine.py:177: server_args=ServerArgs(model_path='moonshotai/"
    "Kimi-K2.6', tokenizer_path=\"a 'quoted' path\", tokenizer_mode='auto', "
    "trust_remote_code=True, "
    "model_loader_extra_config='{}', quantization=None, mem_fraction_static=0.874, tp_size=8, "
    "pp_size=1, dp_size=8, ep_si\nze=8, moe_a2a_backend='none', enable_dp_attention\n=True, "
    "moe_runner_backend='auto', disable_cuda_graph=False, cuda_graph_max_bs=4, cuda_graph_bs=[1, "
    "2, "
    "4], ep_num_redundant_experts=0, init_expert_location='trivial', speculative_algorithm=None, "
    "lora_paths={}, some_new_argument='(a, b)', json_model_override_args='{}', port=30000, "
    "disaggregation_mode='null', encoder_urls=[], custom_weight_loader=[], "
    "cuda_graph_config=CudaGraphConfig(decode=Phase(bs=[1, 2]), prefill=None), nested=[[1], [2]], "
    "api_key='it\\'s \\\\ (1, 2', nnodes=1) and more (text), tp_size=3\n"
    "[2026-04-23 10:00:01] Load weight begin.\n";

}  // namespace

TEST_CASE("a server's log line imports like the command that started it") {
  const Scenario s = parsed(imported(kLine));
  CHECK(s.input.model.name == "kimi-k2.6");
  CHECK(s.input.parallel.tp_size == 8);
  CHECK(s.input.parallel.ep_size == 8);
  CHECK(s.input.parallel.enable_dp_attention);
  CHECK(s.input.steps[0].cuda_graph_bs == std::vector<int>{1, 2, 4});
  CHECK_FALSE(s.input.steps[0].cuda_graph);
  CHECK(s.input.serving.flags.at("cuda_graph_max_bs") == FlagValue(std::int64_t{4}));
  CHECK(s.input.serving.flags.size() == 1);
}

TEST_CASE("of a log, defaults are not listed and unknown arguments are one doubt") {
  CHECK(imported(kLine).starts_with(
      "# Imported from the arguments of an SGLang server.\n"
      "# Ignored, because it does not decide on communication: trust_remote_code, tokenizer_path,\n"
      "#   mem_fraction_static, api_key, cuda_graph_config\n"
      "# Left out, because it is not known: some_new_argument, nested\n"
      "lockstep: 1\n"));
  CHECK(import_remarks(kLine) ==
        "command line: error: not known to Lockstep: some_new_argument, nested\n");
}

TEST_CASE("a log of several starts is read from the last") {
  const std::string text = std::string(kLine) +
                           "restarting\nserver_args=ServerArgs(tp_size=4, "
                           "model_path='deepseek-ai/DeepSeek-V3')\n";
  CHECK(parsed(imported(text)).input.parallel.tp_size == 4);
  CHECK(import_remarks(text) == "command line: error: 2 times ServerArgs(...); the last is read\n");
}

TEST_CASE("a line that is cut says where, and keeps what is whole") {
  const std::string cut = "server_args=ServerArgs(model_path='kimi-k2.6', tp_size=8, dp_size=1";
  CHECK(parsed(imported(cut)).input.parallel.tp_size == 8);
  CHECK(parsed(imported(cut)).input.parallel.dp_size == 1);
  CHECK(import_remarks(cut) ==
        "command line: error: ServerArgs(...) ends after tp_size, its argument number 2\n"
        "  hint: what follows counts as SGLang's default; give the whole line if you can\n");
  ImportOptions options;
  options.strict = true;
  CHECK(import_faults(cut, options).starts_with("command line: error: ServerArgs(...) ends after"));
  CHECK(import_faults("ServerArgs(") ==
        "command line: error: the command names no model\n  hint: --model-path\n");
}

TEST_CASE("a fragment without its name is read too, and so are three dots") {
  const std::string fragment =
      "  model_path='kimi-k2.6', ..., tp_size=8, dp_size=2, enable_dp_attention=True)";
  CHECK(parsed(imported(fragment)).input.parallel.dp_size == 2);
  CHECK(import_remarks(fragment) ==
        "command line: error: ServerArgs(...) has '...' in place of arguments\n"
        "  hint: they count as SGLang's defaults\n");
  CHECK(
      import_remarks("tp_size=8, model_path='kimi-k2.6', ep_size=4,").find("ends after ep_size") !=
      std::string::npos);
}

TEST_CASE("what a log says that is not modelled is refused by its name") {
  CHECK(import_faults("ServerArgs(model_path='kimi-k2.6', tp_size=8, dcp_size=2, enable_eplb=True, "
                      "device='cuda', speculative_algorithm='EAGLE')") ==
        "command line: error: not modelled yet: dcp_size\n"
        "  hint: it changes what is communicated; to import the rest: --ignore dcp-size\n"
        "command line: error: not modelled yet: enable_eplb\n"
        "  hint: it changes what is communicated; to import the rest: --ignore enable-eplb\n"
        "command line: error: not modelled yet: speculative_algorithm\n"
        "  hint: it changes what is communicated; to import the rest: --ignore "
        "speculative-algorithm\n");
}

TEST_CASE("Python's literals are read as what they are") {
  const PythonCall call = read_python_call(
      "a='x\\'y\\n\\x00', b=\"it's\", c=-1.5e-3, d=(1, 'two', None, True), e={'k': [1, (2,)]}, "
      "f=<Backend.AUTO: 'auto'>, g=[], h=[[1]], i=False, j=Name(x='),(') , k=() ) rest");
  using Kind = PythonValue::Kind;
  REQUIRE(call.closed);
  REQUIRE(call.arguments.size() == 11);
  const auto value = [&](std::size_t i) { return call.arguments[i].value; };
  CHECK(value(0).text == "x'y\n\\x00");
  CHECK(value(1).text == "it's");
  CHECK(value(2).text == "-1.5e-3");
  CHECK(value(3).items == std::vector<std::string>{"1", "two", "None", "true"});
  CHECK(value(4).kind == Kind::other);
  CHECK(value(5).kind == Kind::other);
  CHECK((value(6).kind == Kind::list && value(6).items.empty()));
  CHECK(value(7).kind == Kind::other);
  CHECK((value(8).kind == Kind::truth && value(8).text == "false"));
  CHECK(value(9).text == "Name(x='),(')");
  CHECK((value(10).kind == Kind::list && value(10).items.empty()));
}
