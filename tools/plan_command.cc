#include <fmt/format.h>

#include <memory>

#include "sim/plan/diff.h"
#include "sim/plan/json.h"
#include "sim/plan/text.h"
#include "tools/commands.h"
#include "tools/output.h"
#include "tools/subject.h"

namespace lockstep::tools {
namespace {

int run_plan(const Common& options) {
  const Result<std::vector<Setting>> settings = parse_settings(options.set);
  if (!settings) return fail(settings.faults());
  JsonOutput json(options.json);
  int code = kGood;
  for (const std::string& path : options.files) {
    Result<Subject> subject = load_subject(path, *settings);
    if (!subject) {
      code = worse(code, fail(subject.faults()));
      continue;
    }
    json.add(plan_json(subject->plan));
    if (!options.quiet && !json.alone()) print(lockstep::print(subject->plan));
  }
  return worse(code, json.finish());
}

int run_diff(const Common& options) {
  const Result<std::vector<Setting>> settings = parse_settings(options.set);
  if (!settings) return fail(settings.faults());
  Result<Subject> left = load_subject(options.files[0], *settings);
  if (!left) return fail(left.faults());
  Result<Subject> right = load_subject(options.files[1], *settings);
  if (!right) return fail(right.faults());
  print(unified(left->plan, right->plan, diff(left->plan, right->plan)));
  return kGood;
}

}  // namespace

void add_plan(CLI::App& app, Run& run) {
  CLI::App* command =
      app.add_subcommand("plan", "print what every rank does, one operation a line");
  auto options = std::make_shared<Common>();
  add_common(*command, *options);
  command->get_option("SCENARIO")->required(false);
  command->footer(
      "examples:\n"
      "  lockstep plan s.yaml > s.plan.yaml     # edit a line, then: lockstep check s.plan.yaml\n"
      "  lockstep plan diff before.yaml after.yaml\n");
  CLI::App* diff = command->add_subcommand("diff", "what differs between two plans, and why");
  auto pair = std::make_shared<Common>();
  diff->add_option("FILES", pair->files, "two scenario or plan files")->required()->expected(2);
  diff->add_option("--set", pair->set, "path=value, in both scenarios")->allow_extra_args(false);
  command->callback([command, options, diff, pair, &run] {
    if (diff->parsed()) {
      run = [pair] { return run_diff(*pair); };
      return;
    }
    if (options->files.empty()) throw CLI::RequiredError("SCENARIO");
    run = [options] { return run_plan(*options); };
  });
}

}  // namespace lockstep::tools
