#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <memory>
#include <system_error>

#include "backend/numeric/replay.h"
#include "sim/base/text.h"
#include "sim/contract/check.h"
#include "sim/plan/parse.h"
#include "sim/report/bugs_page.h"
#include "sim/scenario/expect.h"
#include "tools/commands.h"
#include "tools/output.h"
#include "tools/subject.h"

namespace lockstep::tools {
namespace {

namespace fs = std::filesystem;

struct TestOptions {
  Common common;
  std::string page;  // to be written; empty: none
};

struct Outcome {
  bool is_test = false;  // has an `expect`
  bool bad_input = false;
  std::vector<std::string> differences;

  bool good() const { return !bad_input && differences.empty(); }
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

struct Files {
  std::vector<std::string> scenarios;
  std::vector<std::string> not_said;  // lists of bugs that no scenario shows
};

// Files as named; of a directory, every scenario below it, sorted.
Result<Files> files_of(const std::vector<std::string>& paths) {
  Files files;
  Diagnostics faults;
  for (const std::string& path : paths) {
    std::error_code error;
    if (!fs::is_directory(path, error)) {
      files.scenarios.push_back(path);
      continue;
    }
    std::vector<std::string> found;
    for (fs::recursive_directory_iterator it(path, error), end; !error && it != end;
         it.increment(error)) {
      const bool is_file = it->is_regular_file(error) && has_known_extension(it->path());
      if (is_file && it->path().filename() == "not_said.yaml") {
        files.not_said.push_back(it->path().string());
      } else if (is_file && names_itself(it->path().string())) {
        found.push_back(it->path().string());
      }
    }
    if (error) faults.push_back({{}, "", fmt::format("{}: {}", path, error.message()), "", ""});
    std::ranges::sort(found);
    files.scenarios.insert(files.scenarios.end(), found.begin(), found.end());
  }
  if (!faults.empty()) return faults;
  std::ranges::sort(files.not_said);
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

// The scenario files of a run, one after the other: what they gave, and what goes on the page.
class TestRun {
 public:
  TestRun(const std::vector<Setting>& settings, bool quiet)
      : settings_(settings), quiet_(quiet), style_(style_of(stdout)) {}

  // The file as it is, then with each of its patches.
  void test(const std::string& path) {
    Result<Subject> subject = load_subject(path, settings_);
    if (!subject) {
      fail(subject.faults());
      return count(path, {true, true, {}});
    }
    if (!subject->scenario) return;
    count(path, tested(path, *subject));
    for (const Patch& patch : subject->scenario->patches) {
      const bool named = patch.variant.kind == Variant::Kind::neighbour && !patch.about.empty();
      std::string name = path + suffix(patch.variant);
      if (named) name = fmt::format("{}: {})", name.substr(0, name.size() - 1), patch.about);
      Result<Subject> edited = load_subject(path, settings_, patch.variant);
      if (!edited) fail(edited.faults());
      count(name, edited ? tested(path, *edited) : Outcome{true, true, {}});
    }
  }

  int passed() const { return passed_; }
  int failed() const { return failed_; }
  int code() const { return code_; }
  const std::vector<BugFile>& bugs() const { return bugs_; }

 private:
  Outcome tested(const std::string& path, const Subject& subject) {
    const Scenario& scenario = *subject.scenario;
    if (!scenario.expect) return {};
    const Expect& expect = *scenario.expect;
    Outcome outcome{true, false, {}};
    const contract::CheckResult result = contract::check(subject.plan);
    std::vector<std::vector<Explanation>> explained;
    if (asks_for_explanation(expect)) explained = explain(scenario, subject.plan, result);
    outcome.differences = differences(expect, result, subject.plan, explained);
    for (std::string& text : replay_differences(expect, subject)) {
      outcome.differences.push_back(std::move(text));
    }
    if (!scenario.bug) return outcome;
    BugFile file{path, *scenario.bug, result.verdict, std::nullopt, scenario.patches};
    if (!result.violations.empty()) file.first = result.violations.front();
    bugs_.push_back(std::move(file));
    return outcome;
  }

  void count(const std::string& name, const Outcome& outcome) {
    if (!outcome.is_test) return;
    outcome.good() ? ++passed_ : ++failed_;
    if (!outcome.good()) code_ = worse(code_, outcome.bad_input ? kBadInput : kBad);
    if (quiet_) return;
    print(fmt::format("{} {}\n", outcome.good() ? style_.good("passed") : style_.bad("failed"),
                      name));
    for (const std::string& text : outcome.differences) print("  " + text + "\n");
  }

  const std::vector<Setting>& settings_;
  bool quiet_;
  Style style_;
  int passed_ = 0;
  int failed_ = 0;
  int code_ = kGood;
  std::vector<BugFile> bugs_;
};

int write_page(const std::string& file, const TestRun& run, const Files& files) {
  if (run.code() != kGood) {
    fail({plain_fault(fmt::format("{} is not written: some files fail", file))});
    return run.code();
  }
  std::vector<NotSaid> not_said;
  for (const std::string& path : files.not_said) {
    const Result<Document> document = read_yaml(path);
    if (!document) return fail(document.faults());
    const Result<std::vector<NotSaid>> entries = parse_not_said(*document);
    if (!entries) return fail(entries.faults());
    not_said.insert(not_said.end(), (*entries).begin(), (*entries).end());
  }
  const Result<std::string> page = bugs_page(run.bugs(), not_said);
  if (!page) return fail(page.faults());
  if (const auto fault = write_file(file, *page)) return fail({*fault});
  return kGood;
}

int run_test(const TestOptions& options) {
  const Result<std::vector<Setting>> settings = parse_settings(options.common.set);
  if (!settings) return fail(settings.faults());
  const Result<Files> files = files_of(options.common.files);
  if (!files) return fail(files.faults());
  TestRun run(*settings, options.common.quiet);
  for (const std::string& file : files->scenarios) run.test(file);
  if (run.passed() + run.failed() == 0) {
    return fail(
        {plain_fault("no scenario with an `expect` in " + join(options.common.files, ", "))});
  }
  print(fmt::format("{} passed, {} failed\n", run.passed(), run.failed()));
  return options.page.empty() ? run.code() : write_page(options.page, run, *files);
}

}  // namespace

void add_test(CLI::App& app, Run& run) {
  CLI::App* command = app.add_subcommand("test", "scenario files against what they expect");
  auto options = std::make_shared<TestOptions>();
  command->add_option("PATH", options->common.files, "scenario files, or directories of them")
      ->required();
  CLI::Option* set =
      command->add_option("--set", options->common.set, "path=value, in every scenario")
          ->allow_extra_args(false);
  command->add_flag("--quiet,-q", options->common.quiet, "print the count only");
  command->add_option("--page", options->page, "write the page of all files that have a `bug`")
      ->excludes(set);
  command->footer(
      "A file with `fix` or `neighbours` is tested as it is, then with each of these edits.\n"
      "examples:\n"
      "  lockstep test scenarios\n"
      "  lockstep test my-deployment.yaml\n"
      "  lockstep test scenarios/bugs --page docs/bugs.md\n"
      "exit codes: 0 all pass, 1 some fail, 2 some cannot be read");
  command->callback([options, &run] { run = [options] { return run_test(*options); }; });
}

}  // namespace lockstep::tools
