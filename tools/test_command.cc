#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <memory>
#include <system_error>

#include "backend/numeric/replay.h"
#include "sim/base/text.h"
#include "sim/contract/check.h"
#include "sim/plan/parse.h"
#include "sim/scenario/expect.h"
#include "tools/commands.h"
#include "tools/subject.h"

namespace lockstep::tools {
namespace {

namespace fs = std::filesystem;

struct Outcome {
  bool is_test = false;  // has an `expect`
  bool bad_input = false;
  std::vector<std::string> differences;
};

bool has_known_extension(const fs::path& path) {
  const std::string extension = path.extension().string();
  return extension == ".yaml" || extension == ".yml" || extension == ".json";
}

// A scenario says so itself; model presets and the like lie beside scenarios.
bool names_itself(const std::string& path) {
  const Result<Document> document = read_yaml(path);
  return document && document->root.find("lockstep") != nullptr && !is_plan(*document);
}

// Files as named; of a directory, every scenario below it, sorted.
Result<std::vector<std::string>> scenario_files(const std::vector<std::string>& paths) {
  std::vector<std::string> files;
  Diagnostics faults;
  for (const std::string& path : paths) {
    std::error_code error;
    if (!fs::is_directory(path, error)) {
      files.push_back(path);
      continue;
    }
    std::vector<std::string> found;
    for (fs::recursive_directory_iterator it(path, error), end; !error && it != end;
         it.increment(error)) {
      const bool is_file = it->is_regular_file(error) && has_known_extension(it->path());
      if (is_file && names_itself(it->path().string())) found.push_back(it->path().string());
    }
    if (error) faults.push_back({{}, "", fmt::format("{}: {}", path, error.message()), "", ""});
    std::ranges::sort(found);
    files.insert(files.end(), found.begin(), found.end());
  }
  if (!faults.empty()) return faults;
  return files;
}

std::vector<std::string> replay_differences(const Expect& expect, const Subject& subject) {
  if (!expect.replay) return {};
  const Result<Plan> plan = plan_to_replay(subject);
  if (!plan) return {to_string(plan.faults())};
  numeric::ReplayOptions how;
  how.seed = plan->seed;
  const numeric::ReplayResult result = numeric::replay(*plan, how);
  const std::string verdict = to_string(result.verdict);
  if (verdict == *expect.replay) return {};
  return {fmt::format("replay: expected {}, got {}", *expect.replay, verdict)};
}

Outcome test_file(const std::string& path, const std::vector<Setting>& settings) {
  Result<Subject> subject = load_subject(path, settings);
  if (!subject) {
    fail(subject.faults());
    return {true, true, {}};
  }
  if (!subject->scenario || !subject->scenario->expect) return {};
  const Expect& expect = *subject->scenario->expect;
  Outcome outcome{true, false, {}};
  const contract::CheckResult result = contract::check(subject->plan);
  std::vector<std::vector<Explanation>> explained;
  if (asks_for_explanation(expect)) explained = explain(*subject->scenario, subject->plan, result);
  outcome.differences = differences(expect, result, subject->plan, explained);
  for (std::string& text : replay_differences(expect, *subject)) {
    outcome.differences.push_back(std::move(text));
  }
  return outcome;
}

int run_test(const Common& options) {
  const Result<std::vector<Setting>> settings = parse_settings(options.set);
  if (!settings) return fail(settings.faults());
  const Result<std::vector<std::string>> files = scenario_files(options.files);
  if (!files) return fail(files.faults());
  const Style style = style_of(stdout);
  int passed = 0;
  int failed = 0;
  int code = kGood;
  for (const std::string& file : *files) {
    const Outcome outcome = test_file(file, *settings);
    if (!outcome.is_test) continue;
    const bool good = !outcome.bad_input && outcome.differences.empty();
    good ? ++passed : ++failed;
    if (!good) code = worse(code, outcome.bad_input ? kBadInput : kBad);
    if (options.quiet) continue;
    print(fmt::format("{} {}\n", good ? style.good("passed") : style.bad("failed"), file));
    for (const std::string& text : outcome.differences) print("  " + text + "\n");
  }
  if (passed + failed == 0) {
    return fail({{{}, "", "no scenario with an `expect` in " + join(options.files, ", "), "", ""}});
  }
  print(fmt::format("{} passed, {} failed\n", passed, failed));
  return code;
}

}  // namespace

void add_test(CLI::App& app, Run& run) {
  CLI::App* command = app.add_subcommand("test", "scenario files against what they expect");
  auto options = std::make_shared<Common>();
  command->add_option("PATH", options->files, "scenario files, or directories of them")->required();
  command->add_option("--set", options->set, "path=value, in every scenario")
      ->allow_extra_args(false);
  command->add_flag("--quiet,-q", options->quiet, "print the count only");
  command->footer(
      "examples:\n"
      "  lockstep test scenarios\n"
      "  lockstep test my-deployment.yaml\n"
      "exit codes: 0 all pass, 1 some fail, 2 some cannot be read");
  command->callback([options, &run] { run = [options] { return run_test(*options); }; });
}

}  // namespace lockstep::tools
