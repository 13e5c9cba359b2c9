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
    Result<Subject> subject = load_subject(path, *settings, options.variant());
    if (!subject) {
      code = worse(code, fail(subject.faults()));
      continue;
    }
    if (json.wanted()) json.add(plan_json(subject->plan));
    if (!options.quiet && !json.alone()) print(lockstep::print(subject->plan));
  }
  return worse(code, json.finish());
}

struct DiffOptions {
  std::vector<std::string> files;  // one or two
  std::vector<std::string> set;    // on both sides
  std::vector<std::string> left;
  std::vector<std::string> right;
};

Result<Subject> load_side(const std::string& file, std::vector<std::string> set,
                          const std::vector<std::string>& more) {
  set.insert(set.end(), more.begin(), more.end());
  const Result<std::vector<Setting>> settings = parse_settings(set);
  if (!settings) return settings.faults();
  return load_subject(file, *settings);
}

int run_diff(const DiffOptions& options) {
  Result<Subject> left = load_side(options.files.front(), options.set, options.left);
  if (!left) return fail(left.faults());
  Result<Subject> right = load_side(options.files.back(), options.set, options.right);
  if (!right) return fail(right.faults());
  print(unified(left->plan, right->plan, diff(left->plan, right->plan)));
  return kGood;
}

void add_diff(CLI::App& diff, DiffOptions& options) {
  diff.add_option("FILES", options.files, "two scenario or plan files, or one for both sides")
      ->required()
      ->expected(1, 2);
  const auto add_settings = [&diff](const char* name, std::vector<std::string>& settings,
                                    const char* what) {
    diff.add_option(name, settings, what)->allow_extra_args(false);
  };
  add_settings("--set", options.set, "path=value, on both sides");
  add_settings("--left", options.left, "path=value, on the left side");
  add_settings("--right", options.right, "path=value, on the right side");
  diff.footer(
      "examples:\n"
      "  lockstep plan diff before.yaml after.yaml\n"
      "  lockstep plan diff s.yaml --left serving.revision=24785^ --right serving.revision=24785");
}

}  // namespace

void add_plan(CLI::App& app, Run& run) {
  CLI::App* command =
      app.add_subcommand("plan", "print what every rank does, one operation a line");
  auto options = std::make_shared<Common>();
  add_common(*command, *options);
  add_variant(*command, *options);
  command->get_option("SCENARIO")->required(false);
  command->footer(
      "examples:\n"
      "  lockstep plan s.yaml > s.plan.yaml     # edit a line, then: lockstep check s.plan.yaml\n"
      "  lockstep plan diff before.yaml after.yaml\n");
  CLI::App* diff = command->add_subcommand("diff", "what differs between two plans, and why");
  auto sides = std::make_shared<DiffOptions>();
  add_diff(*diff, *sides);
  command->callback([options, diff, sides, &run] {
    if (diff->parsed()) {
      run = [sides] { return run_diff(*sides); };
      return;
    }
    if (options->files.empty()) throw CLI::RequiredError("SCENARIO");
    run = [options] { return run_plan(*options); };
  });
}

}  // namespace lockstep::tools
