#include <fmt/format.h>
#include <unistd.h>

#include <chrono>
#include <memory>

#include "sim/base/yaml.h"
#include "sim/plan/parse.h"
#include "sim/report/bisect_report.h"
#include "sim/scenario/bisect.h"
#include "sim/serving/sglang/timeline.h"
#include "tools/commands.h"
#include "tools/output.h"

namespace lockstep::tools {
namespace {

struct BisectOptions {
  Common common;
  std::string from = fmt::format("{}", sglang::kFirstModelled);
  std::string to = "latest";
};

// A line that rewrites itself, where somebody watches.
BisectProgress progress_line() {
  if (isatty(fileno(stderr)) != 1) return nullptr;
  return [](std::size_t done, std::size_t all) {
    fmt::print(stderr, "\rbisect {} of {}{}", done + 1, all,
               done + 1 == all ? "\r                    \r" : "");
    std::fflush(stderr);
  };
}

// Faults of the two ends show the option; those of the scenario its file.
Diagnostics with_places(Diagnostics faults, const BisectOptions& options, const std::string& path) {
  for (Diagnostic& fault : faults) {
    const bool from = fault.path == "from";
    const bool to = fault.path == "to";
    fault.place.file = from ? "--from " + options.from : to ? "--to " + options.to : path;
  }
  return faults;
}

Result<Scenario> read_scenario(const std::string& path, const std::vector<Setting>& settings) {
  Result<Document> document = read_yaml(path);
  if (!document) return document.faults();
  if (is_plan(*document)) {
    return document->fault(document->root, "a plan file has no revisions to bisect",
                           "bisect the scenario that it came from");
  }
  return parse_scenario(document->text, path, settings);
}

int bisect_one(const BisectOptions& options, const std::string& path,
               const std::vector<Setting>& settings, JsonOutput& json) {
  const Result<Scenario> scenario = read_scenario(path, settings);
  if (!scenario) return fail(scenario.faults());
  const auto start = std::chrono::steady_clock::now();
  const Result<Bisection> bisection =
      bisect(*scenario, options.from, options.to,
             options.common.quiet ? BisectProgress() : progress_line());
  const std::chrono::duration<double, std::milli> wall = std::chrono::steady_clock::now() - start;
  if (!bisection) return fail(with_places(bisection.faults(), options, path));
  if (json.wanted()) json.add(bisect_json(*bisection, wall.count()));
  if (!options.common.quiet && !json.alone()) {
    print(bisect_text(*bisection, style_of(stdout), options.common.all));
  }
  return kGood;
}

int run_bisect(const BisectOptions& options) {
  const Result<std::vector<Setting>> settings = parse_settings(options.common.set);
  if (!settings) return fail(settings.faults());
  JsonOutput json(options.common.json);
  int code = kGood;
  for (const std::string& path : options.common.files) {
    code = worse(code, bisect_one(options, path, *settings, json));
  }
  return worse(code, json.finish());
}

}  // namespace

void add_bisect(CLI::App& app, Run& run) {
  CLI::App* command =
      app.add_subcommand("bisect", "the pull requests at which a scenario's verdict changes");
  auto options = std::make_shared<BisectOptions>();
  add_common(*command, options->common);
  command->add_option("--from", options->from,
                      "the first revision; without it, the first modelled");
  command->add_option("--to", options->to, "the last revision; without it, the latest");
  command->footer(
      "The scenario is checked after every pull request of the range, in merge order. Its own\n"
      "revision does not matter; --all lists every position.\n"
      "examples:\n"
      "  lockstep bisect s.yaml\n"
      "  lockstep bisect s.yaml --from 22642^ --to 2026-06-01 --json -\n"
      "exit codes: 0 done, 2 bad input");
  command->callback([options, &run] { run = [options] { return run_bisect(*options); }; });
}

}  // namespace lockstep::tools
