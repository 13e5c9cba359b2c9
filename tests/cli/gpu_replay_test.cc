// replay --backend nccl where it cannot run: without CUDA in the build, or without a GPU. Where
// there is one, what it computes is tools/validate_gpu's.
#include <doctest/doctest.h>

#include <filesystem>
#include <string>

#include "tests/cli/process.h"

namespace lockstep::test {
namespace {

constexpr int kRefused = 4;

// On a GPU it comes to a verdict; everywhere else it must be refused.
bool is_refused(const Finished& run) { return run.code != 0; }

TEST_CASE("replay on GPUs is refused with what is missing, and what to do") {
  const Finished run = lockstep("replay " + kAfter + " --set model.num_hidden_layers=1 " +
                                "--backend nccl --repetitions 0");
  if (!is_refused(run)) return;
  CHECK(run.code == kRefused);
  CHECK(run.out.empty());
  CHECK(run.err.starts_with("error: --backend nccl: "));
  CHECK(contains(run.err, "--backend cpu and --backend process need no GPU\n"));
  const bool is_built = !contains(run.err, "this program was built without CUDA and NCCL");
  CHECK(is_built == contains(run.err, "there is no "));
}

TEST_CASE("a refused replay on GPUs leaves no JSON, neither in a file nor printed") {
  const std::string file = scratch() + "refused.json";
  const std::string replay = "replay " + kAfter + " --set model.num_hidden_layers=1 " +
                             "--backend nccl --repetitions 0 --json ";
  const Finished run = lockstep(replay + file);
  if (!is_refused(run)) return;
  CHECK(run.code == kRefused);
  CHECK_FALSE(std::filesystem::exists(file));
  CHECK(lockstep(replay + "-").out.empty());
}

TEST_CASE("timed repetitions are 0 to 1000, and a number") {
  for (const char* repetitions : {"-1", "1001", "some"}) {
    CAPTURE(repetitions);
    const Finished run =
        lockstep("replay " + kAfter + " --backend nccl --repetitions " + repetitions);
    CHECK(run.code == 2);
    CHECK(run.out.empty());
    CHECK(contains(run.err, "--repetitions"));
  }
}

// But for the times, which differ from run to run.
std::string judged_by(const std::string& options) {
  const std::string scenario = "replay scenarios/lessons/double-reduction.yaml ";
  const std::string json = lockstep(scenario + options + " --json -").out;
  return json.substr(0, json.find("\"measured\""));
}

TEST_CASE("drawn weights and repetitions are a GPU's: on the CPU they change nothing") {
  const std::string plain = judged_by("");
  CHECK(contains(plain, "\"verdict\":\"diverges\""));
  CHECK(judged_by("--drawn-weights --repetitions 3") == plain);
}

}  // namespace
}  // namespace lockstep::test
