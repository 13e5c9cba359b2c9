// Whatever is imported: the same scenario for the same meaning, and for nonsense a message, soon.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include "sim/base/random.h"
#include "sim/scenario/scenario.h"
#include "sim/scenario/sglang_arguments.h"
#include "tests/scenario/importing.h"
#include "tests/scenario/parsing.h"

using namespace lockstep;
using namespace lockstep::test;

namespace {

// One argument of a command, with its value; empty of a switch.
struct Piece {
  std::string field;
  std::string value;
};

const std::vector<Piece> kPieces{{"model_path", "moonshotai/Kimi-K2.6"},
                                 {"tp_size", "8"},
                                 {"dp_size", "4"},
                                 {"ep_size", "8"},
                                 {"enable_dp_attention", ""},
                                 {"enable_dp_lm_head", ""},
                                 {"moe_dense_tp_size", "1"},
                                 {"moe_runner_backend", "triton"},
                                 {"quantization", "fp8"},
                                 {"disable_shared_experts_fusion", ""},
                                 {"cuda_graph_max_bs_decode", "64"},
                                 {"cuda_graph_bs_decode", "1 2 8"},
                                 {"nnodes", "2"},
                                 {"disable_cuda_graph_padding", ""}};

std::int64_t below(Random& random, std::size_t count) {
  return random.below(static_cast<std::int64_t>(count));
}

// A spelling of the argument, cut to a prefix of it that still means it.
std::string spelled(Random& random, const ServerArgument& argument) {
  const auto& all = argument.spellings;
  const std::string whole = all[static_cast<std::size_t>(below(random, all.size()))];
  const std::string cut =
      whole.substr(0, 1 + static_cast<std::size_t>(below(random, whole.size())));
  return match_server_argument(cut).argument == &argument ? cut : whole;
}

std::string quoted(Random& random, const std::string& value) {
  const std::int64_t kind = value.find(' ') == std::string::npos ? random.below(3) : 0;
  return kind == 0 ? value : kind == 1 ? "'" + value + "'" : "\"" + value + "\"";
}

std::string random_command(Random& random) {
  std::vector<Piece> pieces = kPieces;
  for (std::size_t i = pieces.size(); i > 1; --i) {
    std::swap(pieces[i - 1], pieces[static_cast<std::size_t>(below(random, i))]);
  }
  std::string command =
      random.chance(1, 2) ? "sglang serve" : "A=1 python3 -m sglang.launch_server";
  for (const Piece& piece : pieces) {
    const ServerArgument& argument = *find_server_argument(piece.field);
    command += random.chance(1, 3) ? " \\\n  --" : " --";
    command += spelled(random, argument);
    if (piece.value.empty()) continue;
    const bool joined = piece.value.find(' ') == std::string::npos && random.chance(1, 2);
    command += (joined ? "=" : "  ") + quoted(random, piece.value);
  }
  return command;
}

// The scenario without its comments, which spell arguments as they were given.
std::string body(const std::string& text) { return text.substr(text.find("lockstep: 1")); }

// Faults or a scenario that parses.
void must_end(const std::string& text) {
  const Imported result = import_sglang(text);
  CHECK(result.faults.empty() != result.scenario.empty());
  CHECK(to_string(result.faults).size() < 100'000);
  if (result.faults.empty()) CHECK(parse_scenario(result.scenario, "s.yaml"));
}

std::string repeated(const std::string& text, std::size_t bytes) {
  std::string all;
  while (all.size() < bytes) all += text;
  return all;
}

constexpr std::size_t kMegabyte = 1'000'000;

}  // namespace

TEST_CASE("order, spelling, abbreviation and quoting do not change the scenario") {
  Random random(24785);
  const std::string expected = body(imported(random_command(random)));
  CHECK(parsed(expected).input.parallel.tp_size == 8);
  CHECK(parsed(expected).input.serving.flags.size() == 5);
  for (int round = 0; round < 200; ++round) {
    const std::string command = random_command(random);
    CAPTURE(command);
    CHECK(body(imported(command)) == expected);
  }
}

TEST_CASE("a log line means what the command line means") {
  std::string line = "server_args=ServerArgs(";
  for (const Piece& piece : kPieces) {
    const bool is_list = piece.value.find(' ') != std::string::npos;
    const std::string value = piece.value.empty() ? "True"
                              : is_list           ? "[1, 2, 8]"
                                                  : "'" + piece.value + "'";
    line += piece.field + "=" + value + ", ";
  }
  Random random(1);
  CHECK(body(imported(line + "port=30000)")) == body(imported(random_command(random))));
}

TEST_CASE("a NUL byte is refused by its place") {
  CHECK(import_faults(std::string("sglang serve\0 Kimi", 18)) ==
        "command line: error: character 13 is a NUL byte\n  hint: is this a text?\n");
}

TEST_CASE("hostile command lines give faults or scenarios, never anything else") {
  for (const char* command : {"sglang serve 'Kimi-K2.6\n# x' --tp 8",
                              "sglang serve Kimi-K2.6 --quantization '\": [{'",
                              "sglang serve Kimi-K2.6 --port '1\nlockstep: 2'",
                              "sglang serve Kimi-K2.6 --tp",
                              "sglang serve Kimi-K2.6 --dp 99999999 --enable-dp-attention",
                              "sglang serve --",
                              "sglang serve Kimi-K2.6 --quantization \x01",
                              "sglang serve Kimi-K2.6 --=3",
                              "\\",
                              "'",
                              "\"",
                              "sglang serve Kimi-K2.6 --nnodes '2\nbatch: 3'",
                              "sglang serve '' --tp 8",
                              "$",
                              "$(",
                              "`",
                              ">",
                              "ServerArgs(=1)",
                              "ServerArgs(model_path=)",
                              "ServerArgs(model_path=[])",
                              "tp_size=",
                              "ServerArgs(model_path='kimi-k2.6', tp_size=[1, 2])",
                              "ServerArgs(model_path='kimi-k2.6', tp_size=Foo(3))",
                              "ServerArgs(model_path='kimi-k2.6', nnodes='2\\nbatch: 3')",
                              "ServerArgs(model_path=['a', 'b'])",
                              "sglang serve --config '' --config=",
                              "sglang serve Kimi-K2.6 --tokens\xff\xfe"}) {
    CAPTURE(command);
    must_end(command);
  }
}

TEST_CASE("a megabyte of anything ends soon") {
  const std::string serve = "sglang serve kimi-k2.6 ";
  must_end(serve + repeated("--tp 8 ", kMegabyte));
  must_end(serve + repeated("--tensor-para 8 ", kMegabyte));
  must_end(serve + "--" + repeated("x", kMegabyte));
  must_end(serve + "--port " + repeated("1 ", kMegabyte));
  must_end(serve + "--tp " + repeated("9", kMegabyte));
  must_end(serve + "--cuda-graph-bs " + repeated("1 ", kMegabyte));
  must_end(serve + "'" + repeated("x", kMegabyte));
  must_end("sglang serve " + repeated("x", kMegabyte));
  must_end("sglang serve " + repeated("a/", kMegabyte));
  must_end(repeated("A=1 ", kMegabyte) + serve + repeated("--port $A ", kMegabyte));
  must_end(repeated("A=1\n", kMegabyte) + serve);
  must_end(repeated("sglang serve\n", kMegabyte));
  must_end(repeated("\\\n", kMegabyte));
  must_end(repeated("$(", kMegabyte));
  must_end(repeated("\n", kMegabyte) + serve);
  std::string unknown = serve;
  for (int i = 0; unknown.size() < kMegabyte; ++i) unknown += fmt::format("--unknown-{} 1 ", i);
  must_end(unknown);
}

TEST_CASE("a megabyte of log ends soon, however deep it nests") {
  const std::string start = "server_args=ServerArgs(model_path='kimi-k2.6', ";
  must_end(start + "x=" + repeated("[", kMegabyte));
  must_end(start + "x=" + repeated("[(", kMegabyte) + repeated(")]", kMegabyte) + ")");
  must_end(start + "x='" + repeated("\\", kMegabyte));
  must_end(start + repeated("tp_size=8, ", kMegabyte) + ")");
  must_end(start + "cuda_graph_bs=[" + repeated("1, ", kMegabyte) + "])");
  must_end(repeated("ServerArgs(", kMegabyte));
  must_end(repeated("tp_size=", kMegabyte));
  std::string unknown = start;
  for (int i = 0; unknown.size() < kMegabyte; ++i) unknown += fmt::format("unknown_{}=1, ", i);
  must_end(unknown + ")");
}

TEST_CASE("a command line with bytes changed never crashes") {
  const std::string whole =
      "export A=1; env B=2 python3 -m sglang.launch_server --model-path=kimi-k2.6 --tp 8 --dp 8 "
      "\\\n"
      " --enable-dp-attention --cuda-graph-bs 1 2 --port \"$A\" # comment";
  const std::string log =
      "server_args=ServerArgs(model_path='kimi-k2.6', tp_size=8, x=[1, (2, 3)], y={'a': \"b\"}, "
      "cuda_graph_bs=[1, 2], enable_dp_attention=True, dp_size=2)";
  Random random(7);
  for (int round = 0; round < 3000; ++round) {
    std::string text = round % 2 == 0 ? whole : log;
    for (std::int64_t i = random.below(4); i >= 0; --i) {
      text[static_cast<std::size_t>(below(random, text.size()))] =
          static_cast<char>(random.below(256));
    }
    must_end(text.substr(0, static_cast<std::size_t>(below(random, text.size() + 1))));
  }
}
