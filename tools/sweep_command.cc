#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <limits>
#include <memory>
#include <optional>
#include <thread>

#include "sim/base/hash.h"
#include "sim/base/text.h"
#include "sim/plan/parse.h"
#include "sim/report/sweep_report.h"
#include "sim/sweep/sweep_rows.h"
#include "tools/commands.h"
#include "tools/gnuplot.h"
#include "tools/output.h"
#include "tools/sweep_file.h"

namespace lockstep::tools {
namespace {

struct SweepOptions {
  Common common;
  std::string file;
  std::vector<std::string> over;
  std::int64_t sample = 0;  // 0: all points
  std::uint64_t seed = 0;
  int jobs = 0;  // 0: one for each processor
  std::string csv;
  bool resume = false;
  std::string plot;
  std::string pareto = "makespan_us,tokens_per_s_per_gpu";
};

// More rows than anybody waits for; a sample says as much.
constexpr std::int64_t kMostRows = 1'000'000;

// How far it is, for a person who waits at a terminal.
class Progress {
 public:
  Progress(std::size_t points, bool quiet) : points_(points), shown_(!quiet && isatty(2) != 0) {}
  ~Progress() {
    if (shown_) fmt::print(stderr, "\r\033[K");
  }
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  void one_more() {
    ++done_;
    if (!shown_) return;
    fmt::print(stderr, "\r{} of {} points", done_, points_);
    std::fflush(stderr);
  }

 private:
  std::size_t points_;
  bool shown_;
  std::size_t done_ = 0;
};

// The scenario as all points have it.
Result<SweepBase> read_base(const SweepOptions& options) {
  Result<std::vector<Setting>> settings = parse_settings(options.common.set);
  if (!settings) return settings.faults();
  Result<std::vector<SweepAxis>> axes = parse_axes(options.over);
  if (!axes) return axes.faults();
  Result<Document> document = read_yaml(options.file);
  if (!document) return document.faults();
  if (is_plan(*document)) {
    return document->fault(document->root, "sweep changes scenarios; this is a plan",
                           "sweep the scenario it came from");
  }
  Result<Document> edited = patched(std::move(*document), options.common.variant());
  if (!edited) return edited.faults();
  return SweepBase{std::move(*edited), std::move(*settings), std::move(*axes)};
}

// Of everything that a row follows from beside its values.
std::string hash_of(const SweepBase& base, const Variant& variant) {
  Fnv1a hash;
  hash.add(base.document.text + suffix(variant));
  for (const Setting& setting : base.settings) hash.add("\n" + setting.path + "=" + setting.value);
  return hex64(hash.value());
}

Result<std::vector<std::int64_t>> choose_points(const SweepOptions& options, std::int64_t grid) {
  const bool all = options.sample == 0 || options.sample >= grid;
  const std::int64_t count = all ? grid : options.sample;
  if (count > kMostRows) {
    return plain_fault(fmt::format("{} points are too many", count),
                       "--sample N takes N of them at random");
  }
  return sample_points(grid, count, options.seed);
}

std::string scenario_name(const SweepBase& base, const SweepOptions& options) {
  const Node* name = base.document.root.find("name");
  return name != nullptr && name->is_scalar() ? name->text : options.file;
}

int write_results(const SweepOptions& options, const SweepResult& result, SweepFile& file,
                  const nlohmann::ordered_json& measured) {
  JsonOutput json(options.common.json);
  int code = kGood;
  if (const auto fault = file.finish(result)) code = fail({*fault});
  if (!options.plot.empty()) {
    const Result<std::string> svg = gnuplot(sweep_plot(result));
    if (!svg) return fail(svg.faults());
    if (const auto fault = write_file(options.plot, *svg)) code = fail({*fault});
  }
  if (json.wanted()) {
    nlohmann::ordered_json object = sweep_json(result);
    object["measured"] = measured;
    json.add(object);
  }
  if (!options.common.quiet && !json.alone() && options.csv != kStandardOutput) {
    print(sweep_text(result, style_of(stdout), options.common.all));
  }
  return worse(code, json.finish());
}

// 2 if not even one point could be read: then it is the scenario that is wrong.
int code_of(const SweepResult& result) {
  const auto is_bad = [](const SweepRow& row) { return row.verdict == "bad-input"; };
  if (!std::ranges::all_of(result.points(), is_bad)) return kGood;
  return fail({plain_fault("no point could be read: " + result.points().front().reason,
                           "lockstep check tells all faults of a scenario")});
}

std::optional<Diagnostic> refuse_outputs(const SweepOptions& options) {
  if (options.resume && (options.csv.empty() || options.csv == kStandardOutput)) {
    return plain_fault("--resume needs --csv FILE", "the rows that are done are in it");
  }
  if (!options.plot.empty() && !options.plot.ends_with(".svg")) {
    return plain_fault(fmt::format("--plot {}: the picture is SVG", options.plot),
                       "give a name that ends in .svg");
  }
  return same_output(
      {{"--csv", options.csv}, {"--json", options.common.json}, {"--plot", options.plot}},
      {options.file});
}

int run_sweep(const SweepOptions& options) {
  const auto start = std::chrono::steady_clock::now();
  if (const auto fault = refuse_outputs(options)) return fail({*fault});
  const Result<SweepBase> base = read_base(options);
  if (!base) return fail(base.faults());
  const Result<std::vector<std::size_t>> pareto = parse_measures(options.pareto);
  if (!pareto) return fail(pareto.faults());
  const std::int64_t grid = grid_size(base->axes);
  const Result<std::vector<std::int64_t>> points = choose_points(options, grid);
  if (!points) return fail(points.faults());
  if (!options.plot.empty()) {
    const Result<std::string> there = gnuplot("");
    if (!there) return fail(there.faults());
  }
  const std::string hash = hash_of(*base, options.common.variant());
  Result<SweepFile> file = SweepFile::open(options.csv, options.resume, base->axes, *points, hash);
  if (!file) return fail(file.faults());
  if (!options.common.quiet && !file->note().empty()) {
    fmt::print(stderr, "note: {}\n", file->note());
  }

  const int processors = std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
  const int jobs = options.jobs > 0 ? options.jobs : processors;
  SweepResult result{scenario_name(*base, options), hash, base->axes, grid, {}, *pareto, {}};
  if (static_cast<std::int64_t>(points->size()) < grid) result.seed = options.seed;
  {
    Progress progress(points->size(), options.common.quiet);
    const SweepHooks hooks = {
        [&](const std::vector<std::string>& values) { return file->known(values); },
        [&](const SweepRow& row, bool is_new) {
          if (is_new) file->append(row);
          progress.one_more();
        }};
    result.rows = sweep_rows(*base, *points, jobs, hooks);
  }
  result.kept = file->kept().size();
  result.rows.insert(result.rows.begin(), file->kept().begin(), file->kept().end());
  mark(result.rows, *pareto);
  const std::chrono::duration<double, std::milli> wall = std::chrono::steady_clock::now() - start;
  const int written =
      write_results(options, result, *file, {{"wall_ms", wall.count()}, {"jobs", jobs}});
  return worse(written, code_of(result));
}

void add_options(CLI::App& command, SweepOptions& options) {
  command.add_option("SCENARIO", options.file, "a scenario file")->required();
  command.add_option("--over", options.over, "path=value,value,...: one direction of the grid")
      ->required()
      ->allow_extra_args(false);
  command.add_option("--set", options.common.set, "path=value, at every point")
      ->allow_extra_args(false);
  command.add_option("--sample", options.sample, "take N points of the grid at random")
      ->check(whole_number(1, kMostRows));
  command.add_option("--seed", options.seed, "of the sample (0)")
      ->check(whole_number(0, std::numeric_limits<std::int64_t>::max()));
  command.add_option("--jobs,-j", options.jobs, "threads (one for each processor)")
      ->check(whole_number(1, 1024));
  command.add_option(
      "--csv", options.csv,
      "write rows to FILE, each when it is done, or - for standard output; replaces rows "
      "of the same sweep");
  command.add_flag("--resume", options.resume,
                   "keep the rows of the CSV file, and do not run again what is in it");
  command.add_option("--json", options.common.json, "write JSON to FILE, or - for standard output");
  command.add_option("--plot", options.plot, "draw the points to FILE.svg (needs gnuplot)");
  command.add_option("--pareto", options.pareto, "columns by which points are the best")
      ->capture_default_str();
  command.add_flag("--quiet,-q", options.common.quiet, "print nothing");
  command.add_flag("--all", options.common.all, "print every point, however many");
  add_variant(command, options.common);
}

}  // namespace

void add_sweep(CLI::App& app, Run& run) {
  CLI::App* command = app.add_subcommand("sweep", "what if: one row for every point of a grid");
  auto options = std::make_shared<SweepOptions>();
  add_options(*command, *options);
  command->footer(
      "examples:\n"
      "  lockstep sweep s.yaml --over parallel.dp_size=1,2,4,8 --over batch.tokens=64,256\n"
      "  lockstep sweep s.yaml --over parallel.tp_size+parallel.ep_size=4,8    # both together\n"
      "  lockstep sweep s.yaml --over 'batch.tokens=[5, 0],[3, 2]' --csv rows.csv --resume\n"
      "  lockstep sweep s.yaml --over hardware=hgx-h100,hgx-b200 --plot front.svg\n"
      "columns of numbers: gpus, makespan_us, tokens_per_s, tokens_per_s_per_gpu, memory_GB\n"
      "exit codes: 0 swept, 2 bad input (a point that is bad input is a row with its reason)");
  command->callback([options, &run] { run = [options] { return run_sweep(*options); }; });
}

}  // namespace lockstep::tools
