#include <doctest/doctest.h>

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "sim/base/text.h"
#include "tests/cli/process.h"

namespace lockstep::test {
namespace {

using Json = nlohmann::ordered_json;

// Without the first line that contains `part`; empty if there is none.
std::string without_line(const std::string& text, const std::string& part) {
  const std::size_t at = text.find(part);
  if (at == std::string::npos) return {};
  const std::size_t start = text.rfind('\n', at) + 1;
  return text.substr(0, start) + text.substr(text.find('\n', at) + 1);
}

TEST_CASE("a printed plan is checked and replayed as its scenario is") {
  const std::string file = scratch() + "before.plan.yaml";
  const Finished plan = lockstep("plan " + kBefore);
  CHECK(plan.code == 0);
  write(file, plan.out);
  const Json scenario = Json::parse(lockstep("check " + kBefore + " --json -").out);
  const Finished run = lockstep("check " + file + " --json -");
  CHECK(run.code == 1);
  const Json json = Json::parse(run.out);
  CHECK(json["plan_hash"] == scenario["plan_hash"]);
  CHECK(json["violations"][0]["coefficients"] == scenario["violations"][0]["coefficients"]);
  CHECK(json["violations"][0]["because"] == scenario["violations"][0]["because"]);
  CHECK(lockstep("plan " + file).out == plan.out);
}

TEST_CASE("the JSON of a plan is a plan") {
  const std::string file = scratch() + "after.json";
  CHECK(lockstep("plan " + kAfter + " --quiet --json " + file).code == 0);
  const Json json = Json::parse(read(file));
  CHECK(json["schema"] == "lockstep.plan/1");
  const Json check = Json::parse(lockstep("check " + file + " --json -").out);
  CHECK(check["verdict"] == "holds");
  CHECK(check["plan_hash"] == json["plan_hash"]);
}

TEST_CASE("deleting the producer's sum from the plan of #24785 repairs it") {
  const std::string file = scratch() + "edited.plan.yaml";
  const std::string text = without_line(lockstep("plan " + kBefore).out, "down_proj all_reduce");
  REQUIRE_FALSE(text.empty());
  write(file, text);
  CHECK(lockstep("check -q " + file).code == 0);
}

TEST_CASE("plan diff shows what the fix changed, and why; equal plans give nothing") {
  const Finished run = lockstep("plan diff " + kBefore + " " + kAfter);
  CHECK(run.code == 0);
  CHECK(contains(run.out, "@@ layer 0\n"));
  CHECK(contains(run.out, "\n- {op: all_reduce, name: \"down_proj all_reduce\", layer: 0,"));
  CHECK(contains(run.out, "-     because should_use_reduce_scatter = false"));
  CHECK(contains(run.out, "+     because should_use_reduce_scatter = true"));
  CHECK_FALSE(contains(run.out, "layer 1"));
  const Finished same = lockstep("plan diff " + kBefore + " " + kBefore);
  CHECK(same.code == 0);
  CHECK(same.out.empty());
}

TEST_CASE("plan diff compares two revisions of one scenario") {
  const std::string sides =
      " --left 'serving.revision=24785^' --right serving.revision=24785 "
      "--set model.num_hidden_layers=2";
  const Finished run = lockstep("plan diff " + kAfter + sides);
  CHECK(run.code == 0);
  CHECK(contains(run.out, "\n- {op: all_reduce, name: \"down_proj all_reduce\", layer: 0,"));
}

TEST_CASE("replay measures the factor that check derives") {
  const Finished run = lockstep("replay " + kBefore + " --json -");
  CHECK(run.code == 1);
  const Json json = Json::parse(run.out);
  CHECK(json["schema"] == "lockstep.replay/1");
  CHECK(json["backend"] == "cpu");
  CHECK(json["verdict"] == "diverges");
  const Json& first = json["first_divergence"];
  CHECK(first["layer"] == 0);
  CHECK(first["module"] == "mlp");
  CHECK(first["scale"].get<double>() == doctest::Approx(8).epsilon(1e-4));
  CHECK(first["error_after_scale"].get<double>() < 1e-4);
  CHECK(lockstep("replay -q " + kAfter).code == 0);
}

TEST_CASE("replay tells the same on one process per rank as in one process, and what was sent") {
  for (const std::string& options : {std::string(), std::string(" --propagate --dtype bfloat16")}) {
    Json here = Json::parse(lockstep("replay " + kBefore + options + " --json -").out);
    const Finished run = lockstep("replay " + kBefore + options + " --backend process --json -");
    CHECK(run.code == 1);
    Json there = Json::parse(run.out);
    std::int64_t sent = 0;
    for (const Json& operation : there["operations"]) {
      for (const Json& message : operation["sent"]) sent += message["bytes"].get<std::int64_t>();
    }
    CHECK(sent > 0);
    for (const char* key : {"backend", "operations", "measured"}) {
      here.erase(key);
      there.erase(key);
    }
    CHECK(here == there);
  }
}

TEST_CASE("a backend or a data type that is not there is refused by name") {
  CHECK(lockstep("replay " + kAfter + " --dtype float8").code == 2);
  CHECK(lockstep("replay " + kAfter + " --backend mpi").code == 2);
}

TEST_CASE("test runs every scenario of a folder against what it expects") {
  const Finished run = lockstep("test scenarios");
  CHECK(run.code == 0);
  CHECK(contains(run.out, "passed " + kBefore + "\n"));
  CHECK(contains(run.out, " passed, 0 failed\n"));
}

TEST_CASE("test names what differs, and what cannot be read") {
  const std::string wrong = scratch() + "wrong.yaml";
  std::string text = read(kBefore);
  const std::size_t at = text.find("factor: 8");
  REQUIRE(at != std::string::npos);
  write(wrong, text.replace(at, 9, "factor: 4"));
  const Finished run = lockstep("test " + wrong + " " + kAfter);
  CHECK(run.code == 1);
  CHECK(contains(run.out, "failed " + wrong));
  CHECK(contains(run.out, "factor: expected 4, found 8"));
  CHECK(contains(run.out, "4 passed, 1 failed\n"));

  write(wrong, text + "unknown_key: 1\n");
  CHECK(lockstep("test " + wrong).code == 2);
  CHECK(lockstep("test tests/cli").code == 2);  // no scenario in it
}

TEST_CASE("explain lists the codes, and each lesson shows exactly its code") {
  const Finished list = lockstep("explain");
  CHECK(list.code == 0);
  int codes = 0;
  for (const std::string& line : split(list.out, '\n')) {
    if (line.empty()) continue;
    const std::string code = line.substr(0, line.find(' '));
    CAPTURE(code);
    ++codes;
    const std::string lesson = "scenarios/lessons/" + code + ".yaml";
    const Finished explained = lockstep("explain " + code);
    CHECK(explained.code == 0);
    CHECK(contains(explained.out, read(lesson)));
    const Finished run = lockstep("check " + lesson + " --json -");
    CHECK(run.code == 1);
    const Json json = Json::parse(run.out);
    REQUIRE(json["violations"].size() == 1);
    CHECK(json["violations"][0]["code"] == code);
    // Numbers are computed in program order, so a race does not show in them.
    CHECK(lockstep("replay -q " + lesson).code == (code == "stream-race" ? 0 : 1));
  }
  CHECK(codes == 12);
}

TEST_CASE("explain of an unknown code names the nearest") {
  const Finished run = lockstep("explain double-reducton");
  CHECK(run.code == 2);
  CHECK(run.err ==
        "error: double-reducton: no such code\n  hint: did you mean double-reduction?\n");
}

TEST_CASE("an imported server command line is a scenario that shows the bug") {
  const std::string file = scratch() + "imported.yaml";
  const Finished run = lockstep(
      "import sglang --revision '24785^' 'sglang serve --model-path moonshotai/Kimi-K2.6 --tp-size "
      "8 --dp-size 8 --ep-size 8 --enable-dp-attention'");
  CHECK(run.code == 0);
  write(file, run.out);
  CHECK(lockstep("check -q " + file).code == 1);
  const Finished unknown = lockstep("import sglang 'sglang serve --tp-sise 8'");
  CHECK(unknown.code == 2);
  CHECK(contains(unknown.err, "--tp-size"));
}

TEST_CASE("import reads scripts and logs, and writes whole files only") {
  const std::string script = scratch() + "launch.sh";
  const std::string file = scratch() + "from-script.yaml";
  write(script,
        "export MODEL=moonshotai/Kimi-K2.6\n"
        "nohup python3 -m sglang.launch_server --model-path $MODEL \\\n"
        "  --tp 8 --dp 8 --enable-dp-attention --no-such-flag 3 > server.log 2>&1 &\n");
  const Finished run = lockstep("import sglang --log " + script + " --output " + file);
  CHECK(run.code == 0);
  CHECK(run.out.empty());
  CHECK(run.err == script + ": warning: unknown argument --no-such-flag\n");
  CHECK(lockstep("check -q " + file).code == 0);
  CHECK(lockstep("import sglang --log " + script).out == read(file));
  CHECK(lockstep("import sglang --log " + script + " --output -").out == read(file));

  const std::string log = scratch() + "server.log";
  write(log,
        "INFO server_args=ServerArgs(model_path='moonshotai/Kimi-K2.6', tp_size=8, "
        "dp_size=8, enable_dp_attention=True, port=30000) more\n");
  const Finished logged = lockstep("import sglang --log " + log);
  CHECK(logged.err.empty());
  CHECK(contains(logged.out, "  dp_size: 8\n  enable_dp_attention: true\n"));
}

TEST_CASE("import that fails writes nothing and says why") {
  const std::string file = scratch() + "kept.yaml";
  write(file, "kept\n");
  const std::string output = " --output " + file;
  const std::string serve = "import sglang 'sglang serve kimi-k2.6 --tp 8 ";
  CHECK(lockstep(serve + "--speculative-algorithm EAGLE'" + output).code == 2);
  CHECK(lockstep(serve + "--no-such-flag' --strict" + output).code == 2);
  CHECK(lockstep(serve + "--pp 2'" + output).code == 2);
  CHECK(lockstep("import sglang --log " + scratch() + "absent.log" + output).code == 2);
  CHECK(lockstep("import sglang").code == 2);
  CHECK(read(file) == "kept\n");
  CHECK(lockstep(serve + "--speculative-algorithm EAGLE' --ignore speculative-algorithm" + output)
            .code == 0);
  CHECK(contains(read(file), "# Left out as asked: --speculative-algorithm\n"));
}

TEST_CASE("a misspelt command or option names the nearest, on standard error only") {
  const Finished command = lockstep("chek " + kBefore);
  CHECK(command.code == 2);
  CHECK(command.out.empty());
  CHECK(command.err == "error: unknown command 'chek'\n  hint: did you mean check?\n");
  const Finished option = lockstep("check --stpes " + kBefore);
  CHECK(option.code == 2);
  CHECK(option.err ==
        "error: unknown option '--stpes' of lockstep check\n  hint: did you mean --steps?\n");
  CHECK(lockstep("").code == 2);
  CHECK(lockstep("check").code == 2);
}

TEST_CASE("every command has help with examples") {
  for (const char* command :
       {"", "check", "bisect", "plan", "replay", "test", "explain", "import sglang"}) {
    CAPTURE(command);
    const Finished run = lockstep(std::string(command) + " --help");
    CHECK(run.code == 0);
    CHECK(contains(run.out, "example"));
    CHECK(run.err.empty());
  }
}

TEST_CASE("no colour codes go to a file") {
  CHECK_FALSE(contains(lockstep("check " + kBefore).out, "\033["));
}

TEST_CASE("a file that is read is never replaced by what is written") {
  const std::string file = scratch() + "read.yaml";
  const std::string before = read("scenarios/bugs/sglang/24785-kimi-k2.6-dep8-before.yaml");
  write(file, before);
  for (const std::string command :
       {"check FILE --json FILE", "plan FILE --json FILE", "replay FILE --json FILE",
        "run FILE --json FILE", "run FILE --trace FILE",
        "sweep FILE --over batch.tokens=1,2 --csv FILE --json FILE2",
        "sweep FILE --over batch.tokens=1,2 --json FILE", "calibrate FILE -o FILE",
        "kernel gemm --shapes FILE --json FILE", "import sglang --log FILE -o FILE"}) {
    std::string text = command;
    for (std::size_t at = text.find("FILE"); at != std::string::npos; at = text.find("FILE")) {
      text.replace(at, 4, file);
    }
    const Finished run = lockstep(text);
    CAPTURE(text);
    CHECK(run.code == 2);
    CHECK(contains(run.err, "would replace what is read"));
    CHECK(read(file) == before);
  }
}

}  // namespace
}  // namespace lockstep::test
