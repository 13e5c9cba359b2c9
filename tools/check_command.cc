#include <fmt/format.h>

#include <chrono>
#include <memory>

#include "sim/base/text.h"
#include "sim/contract/check.h"
#include "sim/report/check_report.h"
#include "sim/scenario/explain.h"
#include "sim/scenario/fixes.h"
#include "tools/commands.h"
#include "tools/output.h"
#include "tools/subject.h"

namespace lockstep::tools {
namespace {

struct CheckOptions {
  Common common;
  bool propagate = false;
  std::string steps;  // "", "all" or "layer=N"
  int apply_fix = 0;  // from 1
  bool search = false;
};

// What explains a violation and what mends it are found by lowering and checking many variants.
// Above so many ranks that takes longer than a person waits unasked.
constexpr int kSearchedRanks = 2048;

int exit_of(contract::Verdict verdict) {
  switch (verdict) {
    case contract::Verdict::holds:
      return kGood;
    case contract::Verdict::violated:
      return kBad;
    case contract::Verdict::unknown:
      return kUndecided;
  }
  return kUndecided;
}

// The layer of `--steps`; -1: all.
Result<int> steps_layer(const std::string& steps) {
  if (steps.empty() || steps == "all") return -1;
  constexpr std::string_view kPrefix = "layer=";
  const bool named = steps.starts_with(kPrefix);
  const auto layer = named ? parse_integer(steps.substr(kPrefix.size())) : std::nullopt;
  if (!layer || *layer < 0) {
    return Diagnostic{{}, "", fmt::format("--steps {}: expected layer=N or all", steps), "", ""};
  }
  return static_cast<int>(*layer);
}

int print_fixed(const Subject& subject, const std::vector<Fix>& fixes, int number) {
  const auto count = static_cast<int>(fixes.size());
  if (!subject.scenario || number < 1 || number > count) {
    return fail({{{},
                  "",
                  fmt::format("--apply-fix {}: {} offered", number,
                              count == 1 ? "one fix is" : fmt::format("{} fixes are", count)),
                  "",
                  "run check without --apply-fix to see them"}});
  }
  Result<std::string> text =
      apply_fix(*subject.scenario, fixes[static_cast<std::size_t>(number) - 1]);
  if (!text) return fail(text.faults());
  print(*text);
  return kGood;
}

double milliseconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start)
      .count();
}

int check_one(const CheckOptions& options, const std::string& path,
              const std::vector<Setting>& settings, int layer, JsonOutput& json) {
  const auto start = std::chrono::steady_clock::now();
  Result<Subject> subject = load_subject(path, settings, options.common.variant());
  if (!subject) return fail(subject.faults());
  contract::Options how;
  how.propagate = options.propagate;
  how.keep_states = !options.steps.empty();
  const auto check_start = std::chrono::steady_clock::now();
  const contract::CheckResult result = contract::check(subject->plan, how);
  const double check_ms = milliseconds_since(check_start);
  const double wall_ms = milliseconds_since(start);
  std::vector<Fix> fixes;
  std::vector<std::vector<Explanation>> explained;
  const bool wanted = subject->scenario && !options.common.quiet;
  const bool searched =
      options.search || options.apply_fix != 0 || subject->plan.world <= kSearchedRanks;
  if (wanted && searched) {
    fixes = find_fixes(*subject->scenario, subject->plan, result);
    explained = explain(*subject->scenario, subject->plan, result);
  }
  if (options.apply_fix != 0) return print_fixed(*subject, fixes, options.apply_fix);
  const CheckedPlan checked{
      subject->name, subject->plan,     result,  std::move(fixes), std::move(explained),
      wall_ms,       subject->lower_ms, check_ms};
  if (json.wanted()) json.add(check_json(checked));
  if (!options.common.quiet && !json.alone()) {
    const Style style = style_of(stdout);
    if (!options.steps.empty()) print(steps_text(subject->plan, result, layer, style) + "\n");
    print(check_text(checked, style, options.common.all));
    if (wanted && !searched && result.verdict == contract::Verdict::violated) {
      print(fmt::format("\nfixes were not searched for: more than {} ranks (--search)\n",
                        kSearchedRanks));
    }
  }
  return exit_of(result.verdict);
}

int run_check(const CheckOptions& options) {
  const Result<std::vector<Setting>> settings = parse_settings(options.common.set);
  if (!settings) return fail(settings.faults());
  const Result<int> layer = steps_layer(options.steps);
  if (!layer) return fail(layer.faults());
  JsonOutput json(options.common.json);
  int code = kGood;
  for (const std::string& path : options.common.files) {
    code = worse(code, check_one(options, path, *settings, *layer, json));
  }
  return worse(code, json.finish());
}

}  // namespace

void add_check(CLI::App& app, Run& run) {
  CLI::App* command = app.add_subcommand("check", "is every term summed exactly once, everywhere?");
  auto options = std::make_shared<CheckOptions>();
  add_common(*command, options->common);
  add_variant(*command, options->common);
  command->add_option(
      "--steps", options->steps,
      "print every rank's state after each operation: layer=N; of all layers without it");
  command->add_flag("--propagate", options->propagate,
                    "carry wrong values on instead of repairing them, and say how far they reach");
  command->add_flag("--search", options->search,
                    "search for fixes and explanations above 2048 ranks too");
  command->add_option("--apply-fix", options->apply_fix,
                      "print the scenario with fix N of the report applied");
  command->footer(
      "examples:\n"
      "  lockstep check s.yaml --steps layer=0\n"
      "  lockstep check s.yaml --set 'batch.tokens=[5, 0, 17, 3]' --json -\n"
      "  lockstep check s.yaml --apply-fix 1 > fixed.yaml\n"
      "  lockstep check s.yaml --fixed           # with the edits of the file's `fix`\n"
      "exit codes: 0 holds, 1 violated, 2 bad input, 3 unknown");
  command->callback([options, &run] { run = [options] { return run_check(*options); }; });
}

}  // namespace lockstep::tools
