#include <fmt/format.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <functional>
#include <memory>

#include "backend/numeric/replay.h"
#include "backend/process/replay.h"
#include "sim/report/gpu_report.h"
#include "sim/report/replay_report.h"
#include "tools/commands.h"
#include "tools/nccl_program.h"
#include "tools/output.h"
#include "tools/subject.h"

namespace lockstep::tools {
namespace {

struct ReplayOptions {
  Common common;
  std::string backend = "cpu";
  std::string dtype = "float32";
  std::string garbage = "both";
  double timeout_s = 60;
  bool full_size = false;
  bool propagate = false;
  bool draws_weights = false;
  int repetitions = 10;
  std::optional<std::uint64_t> seed;
};

int exit_of(numeric::ReplayVerdict verdict) {
  switch (verdict) {
    case numeric::ReplayVerdict::agrees:
      return kGood;
    case numeric::ReplayVerdict::diverges:
    case numeric::ReplayVerdict::stopped:
      return kBad;
    case numeric::ReplayVerdict::inconclusive:
      return kUndecided;
  }
  return kUndecided;
}

numeric::Garbage garbage_named(const std::string& name) {
  if (name == "nan") return numeric::Garbage::nan;
  return name == "finite" ? numeric::Garbage::finite : numeric::Garbage::both;
}

// A line that rewrites itself, where somebody watches.
std::function<void(int, int)> progress_line() {
  if (isatty(fileno(stderr)) != 1) return nullptr;
  return [shown = -1](int operation, int operations) mutable {
    const int percent = (operation + 1) * 100 / operations;
    if (percent == shown) return;
    shown = percent;
    fmt::print(stderr, "\rreplay {:3}%{}", percent, percent == 100 ? "\r           \r" : "");
    std::fflush(stderr);
  };
}

numeric::ReplayOptions numeric_options(const ReplayOptions& options, const Plan& plan) {
  numeric::ReplayOptions how;
  how.seed = options.seed.value_or(plan.seed);
  how.propagate = options.propagate;
  how.garbage = garbage_named(options.garbage);
  how.storage = numeric::storage_of(options.dtype);
  return how;
}

process::ReplayOptions process_options(const ReplayOptions& options, const Plan& plan) {
  process::ReplayOptions how;
  how.numeric = numeric_options(options, plan);
  if (!options.common.quiet) how.numeric.progress = progress_line();
  how.crew.progress_limit =
      std::chrono::milliseconds(static_cast<std::int64_t>(options.timeout_s * 1000));
  return how;
}

// `gpu`: of --backend nccl, what it tells beside the result.
process::ReplayOutcome replay_with(const ReplayOptions& options, const Plan& plan,
                                   std::optional<nccl::GpuReplayOutcome>& gpu) {
  if (options.backend == "process") return process::replay(plan, process_options(options, plan));
  if (options.backend == "nccl") {
    nccl::GpuReplayOptions how{process_options(options, plan), !options.draws_weights,
                               options.repetitions, nullptr};
    if (how.process.numeric.progress) {
      how.tell = [](const std::string& line) { fmt::print(stderr, "{}\n", line); };
    }
    gpu = gpu_replay()(plan, how);
    return std::move(gpu->replay);
  }
  numeric::ReplayOptions how = numeric_options(options, plan);
  if (!options.common.quiet) how.progress = progress_line();
  process::ReplayOutcome outcome;
  outcome.result = numeric::replay(plan, how);
  return outcome;
}

// What `run` says of the plan, on the scenario's hardware; nothing where it cannot.
std::optional<GpuPrediction> predicted_for(const Subject& subject, const Plan& plan) {
  if (!subject.scenario) return std::nullopt;
  const Result<RunOfPlan> run =
      run_on(subject.name, plan, subject.scenario->hardware, subject.scenario->nodes);
  return run ? prediction_of(*run) : std::nullopt;
}

int replay_one(const ReplayOptions& options, const std::string& path,
               const std::vector<Setting>& settings, JsonOutput& json) {
  Result<Subject> subject = load_subject(path, settings, options.common.variant());
  if (!subject) return fail(subject.faults());
  const std::string name = subject->name;
  Result<Plan> plan = plan_to_replay(*subject, options.full_size);
  if (!plan) return fail(plan.faults());
  const auto start = std::chrono::steady_clock::now();
  std::optional<nccl::GpuReplayOutcome> gpu;
  const process::ReplayOutcome outcome = replay_with(options, *plan, gpu);
  const std::chrono::duration<double, std::milli> wall = std::chrono::steady_clock::now() - start;
  if (gpu && gpu->refused) {
    fail({*gpu->refused});
    return kNoBackend;
  }
  for (const std::string& note : outcome.notes) fmt::print(stderr, "note: {}\n", note);
  if (outcome.failure) {
    fmt::print(stderr, "error: {}: {}\n", path, outcome.failure->text);
    const bool is_interrupted = outcome.failure->cause == process::Cause::interrupted;
    return is_interrupted ? kInterrupted + outcome.failure->number : kProcessFailed;
  }
  const numeric::ReplayOptions how = numeric_options(options, *plan);
  const ReplayedPlan replayed{name,  options.backend, options.dtype, how.seed,
                              *plan, outcome.result,  wall.count()};
  std::optional<GpuPrediction> prediction;
  if (gpu && options.repetitions > 0) prediction = predicted_for(*subject, *plan);
  const GpuPrediction* predicted = prediction ? &*prediction : nullptr;
  if (json.wanted()) {
    nlohmann::ordered_json told = replay_json(replayed);
    if (gpu) told["gpu"] = gpu_json(*plan, *gpu, predicted);
    json.add(told);
  }
  if (!options.common.quiet && !json.alone()) {
    print(replay_text(replayed, style_of(stdout), options.common.all));
    if (gpu) print(gpu_text(*plan, *gpu, predicted));
  }
  return exit_of(outcome.result.verdict);
}

int run_replay(const ReplayOptions& options) {
  if (options.backend == "nccl" && gpu_replay() == nullptr) {
    fail({become_nccl_program()});
    return kNoBackend;
  }
  const Result<std::vector<Setting>> settings = parse_settings(options.common.set);
  if (!settings) return fail(settings.faults());
  JsonOutput json(options.common.json);
  int code = kGood;
  for (const std::string& path : options.common.files) {
    code = worse(code, replay_one(options, path, *settings, json));
  }
  return worse(code, json.finish());
}

}  // namespace

void add_replay(CLI::App& app, Run& run) {
  CLI::App* command =
      app.add_subcommand("replay", "the same with real numbers, against a reference");
  auto options = std::make_shared<ReplayOptions>();
  add_common(*command, options->common);
  add_variant(*command, options->common);
  command
      ->add_option(
          "--backend", options->backend,
          "cpu: all ranks in one process; process: one process per rank; nccl: the same on GPUs")
      ->check(CLI::IsMember({"cpu", "process", "nccl"}));
  command->add_option("--dtype", options->dtype, "storage type of tensors")
      ->check(CLI::IsMember({"float32", "bfloat16", "float16"}));
  command->add_flag(
      "--full-size", options->full_size,
      "the model's own dimensions: seconds a layer, weights drawn as they are needed");
  command->add_flag("--propagate", options->propagate,
                    "carry wrong values on, and count the tokens that change");
  command
      ->add_option("--garbage", options->garbage,
                   "what padding and unwritten memory hold: nan, finite (large numbers), or both, "
                   "one run each")
      ->check(CLI::IsMember({"nan", "finite", "both"}));
  command->add_flag("--drawn-weights", options->draws_weights,
                    "nccl: draw weights when they are needed instead of keeping them in memory");
  command
      ->add_option("--repetitions", options->repetitions,
                   "nccl: timed runs of each step after the one that is judged; 0: none")
      ->check(CLI::Range(0, 1000));
  command->add_option("--seed", options->seed, "of weights and tokens");
  command
      ->add_option("--timeout", options->timeout_s,
                   "process: seconds in which nobody does anything before the run is given up")
      ->check(CLI::Range(0.1, 86400.0));
  command->footer(
      "A scenario is replayed with at most 12 tokens on each shard and at reduced dimensions.\n"
      "examples:\n"
      "  lockstep replay s.yaml\n"
      "  lockstep replay s.yaml --propagate --seed 7 --json -\n"
      "  lockstep replay s.yaml --backend process --dtype bfloat16\n"
      "  lockstep replay s.yaml --backend nccl --dtype bfloat16 --full-size\n"
      "exit codes: 0 agrees, 1 diverges or stopped, 2 bad input, 3 inconclusive, 4 no such "
      "backend,\n  5 a process failed, 130 interrupted");
  command->callback([options, &run] { run = [options] { return run_replay(*options); }; });
}

}  // namespace lockstep::tools
