#include <fmt/format.h>

#include <chrono>
#include <filesystem>
#include <memory>
#include <optional>
#include <system_error>

#include "sim/base/rank_set.h"
#include "sim/cost/hardware_file.h"
#include "sim/report/run_against.h"
#include "sim/report/run_report.h"
#include "sim/report/trace.h"
#include "tools/commands.h"
#include "tools/output.h"
#include "tools/subject.h"

namespace lockstep::tools {
namespace {

struct RunOptions {
  Common common;
  std::string fidelity = "closed-form";
  std::string launch = "auto";
  std::string trace;        // file; empty: none
  std::string trace_ranks;  // "0-7"; empty: as many as there is room for
  std::string against;      // file; empty: the same, where anything is set for it
  std::vector<std::string> against_set;
  bool against_fixed = false;

  bool compares() const { return !against.empty() || !against_set.empty() || against_fixed; }
};

TimelineOptions timeline_options(const RunOptions& options) {
  TimelineOptions how;
  how.fidelity = options.fidelity == "messages" ? Fidelity::messages : Fidelity::closed_form;
  if (options.launch == "graph") how.launch = LaunchStyle::graph;
  if (options.launch == "eager") how.launch = LaunchStyle::eager;
  return how;
}

double milliseconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start)
      .count();
}

// The ranks of --trace-ranks; none: as many as there is room for.
Result<RankSet> traced_ranks(const RunOptions& options, int world) {
  if (options.trace_ranks.empty()) return RankSet{};
  const auto ranks = parse_rank_set(options.trace_ranks);
  if (ranks && !ranks->empty() && ranks->intervals().back().last < world) return *ranks;
  return plain_fault(
      fmt::format("--trace-ranks {}: expected ranks of 0-{}", options.trace_ranks, world - 1),
      "for example --trace-ranks 0-3");
}

// Notes how far a run by messages is from the closed form of the same plan.
void compare_fidelities(const RunOptions& options, const Hardware& hardware,
                        std::optional<int> nodes, RunOfPlan& run) {
  if (run.fidelity != Fidelity::messages || !run.ended()) return;
  TimelineOptions how = timeline_options(options);
  how.fidelity = Fidelity::closed_form;
  const Result<RunOfPlan> closed = run_on(run.scenario, run.plan, hardware, nodes, how);
  if (!closed || !closed->ended()) return;
  const std::string note = fidelity_note(run.breakdown.makespan, closed->breakdown.makespan);
  if (!note.empty()) run.timed.notes.push_back(note);
}

// A plan file runs on the default hardware.
Result<RunOfPlan> run_file(const RunOptions& options, const std::string& path,
                           const std::vector<Setting>& settings, const Variant& variant,
                           bool is_traced) {
  const auto start = std::chrono::steady_clock::now();
  Result<Subject> subject = load_subject(path, settings, variant);
  if (!subject) return subject.faults();
  if (is_traced) {
    const Result<RankSet> ranks = traced_ranks(options, subject->plan.world);
    if (!ranks) return ranks.faults();
  }
  const Hardware hardware = subject->scenario ? subject->scenario->hardware : default_hardware();
  const std::optional<int> nodes =
      subject->scenario ? subject->scenario->nodes : std::optional<int>();
  const auto run_start = std::chrono::steady_clock::now();
  Result<RunOfPlan> run =
      run_on(subject->name, std::move(subject->plan), hardware, nodes, timeline_options(options));
  if (!run) return run;
  run->lower_ms = subject->lower_ms;
  run->run_ms = milliseconds_since(run_start);
  run->memory = memory_of(run->plan, run->hardware.gpu);
  compare_fidelities(options, hardware, nodes, *run);
  run->wall_ms = milliseconds_since(start);
  return run;
}

// What it is compared with: another file, or the same with other settings, or with its fix.
Result<RunOfPlan> run_other(const RunOptions& options, const std::string& path,
                            std::vector<Setting> settings) {
  const Result<std::vector<Setting>> more = parse_settings(options.against_set);
  if (!more) return more.faults();
  settings.insert(settings.end(), more->begin(), more->end());
  const std::string& file = options.against.empty() ? path : options.against;
  const Variant variant =
      options.against_fixed ? Variant{Variant::Kind::fixed, 0} : options.common.variant();
  Result<RunOfPlan> other = run_file(options, file, settings, variant, false);
  if (!other) return other;
  if (other->ended()) {
    for (const std::string& setting : options.against_set) other->scenario += " " + setting;
  }
  return other;
}

// The time is computed all the same; but nobody should take it for one that can be measured.
void warn_of_memory(const RunOptions& options, const RunOfPlan& run) {
  if (options.common.quiet || !run.memory || run.memory->fit.fits) return;
  fmt::print(stderr, "warning: {} on {} {}\n", run.scenario, run.hardware.name,
             memory_warning(*run.memory));
}

int write_trace(const RunOptions& options, const RunOfPlan& run) {
  const Result<RankSet> ranks = traced_ranks(options, run.plan.world);
  if (!ranks) return fail(ranks.faults());
  TraceOptions how;
  how.ranks = *ranks;
  const Trace trace = trace_of(run, how);
  const auto fault = write_file(options.trace, trace.text);
  if (fault) return fail({*fault});
  if (!options.common.quiet && trace.ranks.size() < run.plan.world && how.ranks.empty()) {
    fmt::print(stderr, "note: {} shows the ranks {} of {} (--trace-ranks chooses others)\n",
               options.trace, to_string(trace.ranks), run.plan.world);
  }
  return kGood;
}

// What lies there is of another run.
void tell_without_trace(const RunOptions& options) {
  std::error_code ignored;
  const bool is_stale =
      options.trace != kStandardOutput && std::filesystem::is_regular_file(options.trace, ignored);
  fmt::print(stderr, "note: no trace was written, since the plan cannot end{}\n",
             is_stale ? fmt::format("; {} is of an earlier run", options.trace) : "");
}

int run_one(const RunOptions& options, const std::string& path,
            const std::vector<Setting>& settings, JsonOutput& json) {
  const Result<RunOfPlan> run = run_file(options, path, settings, options.common.variant(), true);
  if (!run) return fail(run.faults());
  std::optional<RunOfPlan> other;
  if (options.compares()) {
    Result<RunOfPlan> result = run_other(options, path, settings);
    if (!result) return fail(result.faults());
    other = std::move(*result);
  }
  warn_of_memory(options, *run);
  if (other) warn_of_memory(options, *other);
  const bool both = other && run->ended() && other->ended();
  if (json.wanted()) {
    nlohmann::ordered_json object = run_json(*run);
    if (other) object["against"] = both ? against_json(*run, *other) : run_json(*other);
    json.add(object);
  }
  if (!options.common.quiet && !json.alone() && options.trace != kStandardOutput) {
    const Style style = style_of(stdout);
    print(run_text(*run, style, options.common.all));
    if (both) print(against_text(*run, *other, style, options.common.all));
    if (other && !both) print("\n" + run_text(*other, style, options.common.all));
  }
  int code = run->ended() && (!other || other->ended()) ? kGood : kBad;
  if (options.trace.empty()) return code;
  if (run->ended()) return worse(code, write_trace(options, *run));
  tell_without_trace(options);
  return code;
}

int run_run(const RunOptions& options) {
  const Result<std::vector<Setting>> settings = parse_settings(options.common.set);
  if (!settings) return fail(settings.faults());
  if (!options.trace.empty() && options.common.files.size() > 1) {
    return fail({plain_fault("--trace takes one scenario", "run them one at a time")});
  }
  if (!options.trace_ranks.empty() && options.trace.empty()) {
    return fail(
        {plain_fault("--trace-ranks needs --trace FILE", "it chooses what the trace shows")});
  }
  const auto twice = same_output({{"--trace", options.trace}, {"--json", options.common.json}},
                                 options.common.files);
  if (twice) return fail({*twice});
  JsonOutput json(options.common.json);
  int code = kGood;
  for (const std::string& path : options.common.files) {
    code = worse(code, run_one(options, path, *settings, json));
  }
  return worse(code, json.finish());
}

void add_timing(CLI::App& command, RunOptions& options) {
  command
      .add_option("--fidelity", options.fidelity,
                  "collectives by formula, or message by message over the links")
      ->check(CLI::IsMember({"closed-form", "messages"}));
  command
      .add_option("--launch", options.launch,
                  "auto: as each step says (CUDA graph or not); graph or eager for all")
      ->check(CLI::IsMember({"auto", "graph", "eager"}));
  command.add_option(
      "--trace", options.trace,
      "write a trace that ui.perfetto.dev opens to FILE, or - for standard output: a "
      "track per rank and stream");
  command.add_option("--trace-ranks", options.trace_ranks, "of these ranks only: 0-7");
}

void add_against(CLI::App& command, RunOptions& options) {
  command.add_option("--against", options.against,
                     "another scenario or plan: what this one takes longer, by operation");
  command
      .add_option("--against-set", options.against_set,
                  "path=value: compare with the same scenario, or that of --against, changed so")
      ->allow_extra_args(false);
  command.add_flag("--against-fixed", options.against_fixed,
                   "compare with the edits of the file's `fix`");
}

}  // namespace

void add_run(CLI::App& app, Run& run) {
  CLI::App* command = app.add_subcommand("run", "how long does it take, and where does time go?");
  auto options = std::make_shared<RunOptions>();
  add_common(*command, options->common);
  add_variant(*command, options->common);
  add_timing(*command, *options);
  add_against(*command, *options);
  command->footer(
      "examples:\n"
      "  lockstep run s.yaml --all\n"
      "  lockstep run s.yaml --set hardware=hgx-b200 --trace s.trace.json\n"
      "  lockstep run s.yaml --against-fixed     # what the bug costs\n"
      "  lockstep run s.yaml --against-set parallel.ep_size=1 --json -\n"
      "exit codes: 0 ran, 1 the plan cannot end (mismatch or deadlock), 2 bad input");
  command->callback([options, &run] { run = [options] { return run_run(*options); }; });
}

}  // namespace lockstep::tools
