#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <memory>
#include <sstream>
#include <utility>

#include "sim/base/text.h"
#include "sim/cost/hardware_file.h"
#include "sim/cost/nccl/calibrate.h"
#include "sim/report/calibration_report.h"
#include "tools/commands.h"
#include "tools/output.h"

namespace lockstep::tools {
namespace {

struct CalibrateArguments {
  std::vector<std::string> logs;
  std::string base = "hgx-h200";
  std::string collective;  // of logs that do not say
  std::string name;        // of the hardware; empty: of the output file
  std::string output;
  std::string json;
  bool quiet = false;
};

Result<std::string> read_log(const std::string& path) {
  constexpr std::uintmax_t kMost = std::uintmax_t{64} * 1024 * 1024;
  std::error_code error;
  const std::uintmax_t size = std::filesystem::file_size(path, error);
  if (error)
    return Diagnostic{{path, 0, 0}, "", "cannot open this file: " + error.message(), "", ""};
  if (size > kMost) {
    return Diagnostic{{path, 0, 0}, "", "more than 64 MiB", "", "give the tables alone"};
  }
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  if (file) return text.str();
  return Diagnostic{{path, 0, 0}, "", "cannot read this file", "", ""};
}

Result<std::vector<NcclRun>> read_runs(const CalibrateArguments& arguments) {
  std::vector<NcclRun> runs;
  Diagnostics faults;
  for (const std::string& path : arguments.logs) {
    const Result<std::string> text = read_log(path);
    if (!text) {
      faults.insert(faults.end(), text.faults().begin(), text.faults().end());
      continue;
    }
    const auto read = parse_nccl_log(*text, path, arguments.collective);
    if (read) {
      runs.insert(runs.end(), read->begin(), read->end());
    } else {
      faults.insert(faults.end(), read.faults().begin(), read.faults().end());
    }
  }
  if (!faults.empty()) return faults;
  return without_repeats(std::move(runs));
}

std::string file_stem(const std::string& path) {
  return std::filesystem::path(path).stem().string();
}

// What the file says of itself: each fitted constant names the logs.
void describe(Calibration& calibration, const CalibrateArguments& arguments) {
  Hardware& hardware = calibration.hardware;
  std::vector<std::string> names;
  for (const std::string& log : arguments.logs) {
    const std::string name = std::filesystem::path(log).filename().string();
    if (std::ranges::find(names, name) == names.end()) names.push_back(name);
  }
  const std::string fit = fmt::format("fitted to {} points of {}; base {}",
                                      calibration.points.size(), join(names, ", "), arguments.base);
  for (const CalibratedConstant& constant : calibration.fitted) {
    std::erase_if(hardware.sources,
                  [&](const auto& source) { return source.first == constant.path; });
    hardware.sources.emplace_back(constant.path, fit);
  }
  hardware.name = !arguments.name.empty()     ? arguments.name
                  : !arguments.output.empty() ? file_stem(arguments.output)
                                              : arguments.base + "-calibrated";
  hardware.about = fmt::format("Calibrated: {} constants of {}, the others of {}.",
                               calibration.fitted.size(), join(names, ", "), arguments.base);
  hardware.accuracy =
      fmt::format("Of the points it was fitted to: median {:.1f} %, worst {:.1f} %.",
                  100 * calibration.median_error, 100 * calibration.worst_error);
}

// Runs on several nodes cannot tell the network from what each node does by itself.
void warn_of_network(const Calibration& calibration, const std::vector<NcclRun>& runs) {
  const bool alone = std::ranges::none_of(runs, [](const NcclRun& run) { return run.nodes == 1; });
  const bool of_nodes = std::ranges::any_of(
      calibration.fitted,
      [](const CalibratedConstant& constant) { return !constant.path.starts_with("nccl.net."); });
  if (!alone || !of_nodes) return;
  fmt::print(stderr,
             "warning: all runs are on several nodes, and constants that one node uses, too, were "
             "fitted to them\n  hint: predict groups on one node with another file, or add logs of "
             "one node\n");
}

int run_calibrate(const CalibrateArguments& arguments) {
  const Result<Hardware> base = load_hardware(arguments.base);
  if (!base) return fail(base.faults());
  const auto runs = read_runs(arguments);
  if (!runs) return fail(runs.faults());
  Calibration calibration = calibrate(*runs, *base);
  if (!arguments.quiet) fmt::print(stderr, "{}", calibration_warnings(calibration, *runs));
  warn_of_network(calibration, *runs);
  describe(calibration, arguments);
  JsonOutput json(arguments.json);
  if (json.wanted()) json.add(calibration_json(calibration, *runs));
  const std::string yaml = hardware_yaml(calibration.hardware);
  if (!json.alone() && !arguments.quiet) print(calibration_text(calibration, *runs));
  if (!arguments.output.empty()) {
    const auto fault = write_file(arguments.output, yaml);
    if (fault) return fail({*fault});
    if (!json.alone() && !arguments.quiet) print("wrote " + arguments.output + "\n");
  }
  return json.finish();
}

}  // namespace

void add_calibrate(CLI::App& app, Run& run) {
  CLI::App* command =
      app.add_subcommand("calibrate", "fit hardware constants to the output of nccl-tests");
  auto arguments = std::make_shared<CalibrateArguments>();
  command->add_option("LOG", arguments->logs, "output of all_reduce_perf and its like")->required();
  command->add_option("--base", arguments->base,
                      "hardware preset or file whose other constants are kept");
  command->add_option("--collective", arguments->collective,
                      "what logs measured that do not say it: all_reduce, all_gather, ...");
  command->add_option("--name", arguments->name, "what the hardware is called");
  command->add_option("--output,-o", arguments->output, "write the hardware file FILE")
      ->type_name("FILE");
  command->add_option("--json", arguments->json, "write JSON to FILE, or - for standard output");
  command->add_flag("--quiet,-q", arguments->quiet, "print nothing");
  command->footer(
      "examples:\n"
      "  lockstep calibrate all_reduce.log all_gather.log --base hgx-h200 -o mine.yaml\n"
      "  lockstep calibrate two_nodes.log --base mine.yaml -o cluster.yaml\n"
      "  lockstep collective all_reduce --ranks 8 --hardware mine.yaml");
  command->callback([arguments, &run] { run = [arguments] { return run_calibrate(*arguments); }; });
}

}  // namespace lockstep::tools
