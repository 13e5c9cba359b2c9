#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <sstream>
#include <utility>

#include "sim/base/text.h"
#include "sim/cost/hardware_file.h"
#include "sim/cost/nccl/calibrate.h"
#include "sim/cost/nccl/log_names.h"
#include "sim/report/calibration_report.h"
#include "sim/report/kernel_calibration_report.h"
#include "tools/commands.h"
#include "tools/kernel_rows.h"
#include "tools/nccl_json.h"
#include "tools/output.h"

namespace lockstep::tools {
namespace {

struct CalibrateArguments {
  std::vector<std::string> logs;
  std::vector<std::string> kernels;  // JSON files
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

std::optional<Diagnostic> unknown_collective(const std::string& kind) {
  const auto name = test_in_name(kind);
  if (kind.empty() || (name && name->kind)) return std::nullopt;
  return plain_fault("--collective " + kind + " is none that is modelled",
                     "one of all_reduce, all_gather, reduce_scatter, alltoall, broadcast, reduce, "
                     "sendrecv");
}

Diagnostics nothing_to_fit(const NcclLog& log) {
  Diagnostics faults;
  for (const LeftOutRun& run : log.left_out) {
    faults.push_back({{run.file, run.line, 0},
                      "",
                      "no run is left to fit to: " + run.why,
                      "",
                      "give a log of all_reduce_perf or its like as it runs by default, or with "
                      "-G for graphs"});
  }
  return faults;
}

// Of all logs. An error if there is no run that can be fitted.
Result<NcclLog> read_logs(const CalibrateArguments& arguments) {
  if (const auto fault = unknown_collective(arguments.collective)) return *fault;
  NcclLog all;
  Diagnostics faults;
  for (const std::string& path : arguments.logs) {
    const Result<std::string> text = read_log(path);
    if (!text) {
      faults.insert(faults.end(), text.faults().begin(), text.faults().end());
      continue;
    }
    const auto read = is_nccl_json(*text) ? parse_nccl_json(*text, path, arguments.collective)
                                          : parse_nccl_log(*text, path, arguments.collective);
    if (read) {
      all.runs.insert(all.runs.end(), read->runs.begin(), read->runs.end());
      all.left_out.insert(all.left_out.end(), read->left_out.begin(), read->left_out.end());
    } else {
      faults.insert(faults.end(), read.faults().begin(), read.faults().end());
    }
  }
  if (faults.empty() && all.runs.empty()) faults = nothing_to_fit(all);
  if (!faults.empty()) return faults;
  all.runs = without_repeats(std::move(all.runs));
  return all;
}

std::string file_stem(const std::string& path) {
  return std::filesystem::path(path).stem().string();
}

std::string names_of(const std::vector<std::string>& files) {
  std::vector<std::string> names;
  for (const std::string& file : files) {
    const std::string name = std::filesystem::path(file).filename().string();
    if (std::ranges::find(names, name) == names.end()) names.push_back(name);
  }
  return join(names, ", ");
}

void set_source(Hardware& hardware, const std::string& path, const std::string& source) {
  std::erase_if(hardware.sources, [&](const auto& known) { return known.first == path; });
  hardware.sources.emplace_back(path, source);
}

std::string name_of_hardware(const CalibrateArguments& arguments) {
  if (!arguments.name.empty()) return arguments.name;
  if (!arguments.output.empty() && arguments.output != kStandardOutput)
    return file_stem(arguments.output);
  return arguments.base + "-calibrated";
}

// What the file says of itself: each fitted constant names the logs.
void describe(Calibration& calibration, const CalibrateArguments& arguments) {
  Hardware& hardware = calibration.hardware;
  const std::string names = names_of(arguments.logs);
  const std::string fit = fmt::format("fitted to {} points of {}; base {}",
                                      calibration.points.size(), names, arguments.base);
  for (const CalibratedConstant& constant : calibration.fitted) {
    set_source(hardware, constant.path, fit);
  }
  hardware.name = name_of_hardware(arguments);
  hardware.about = fmt::format("Calibrated: {} constants of {}, the others of {}.",
                               calibration.fitted.size(), names, arguments.base);
  hardware.accuracy =
      fmt::format("Of the points it was fitted to: median {:.1f} %, worst {:.1f} %.",
                  100 * calibration.median_error, 100 * calibration.worst_error);
}

// The same of kernels, beside what logs gave.
void describe(KernelCalibration& calibration, const CalibrateArguments& arguments) {
  Hardware& hardware = calibration.hardware;
  const std::string names = names_of(arguments.kernels);
  std::string errors;
  int rows = 0;
  for (const KindError& kind : calibration.kinds) {
    rows += kind.rows;
    errors += fmt::format("{}{} {:.1f} %", errors.empty() ? "" : ", ", kind.kind,
                          100 * kind.median_after);
  }
  const std::string fit = fmt::format(
      "fitted to {} measured kernels of {}, as the replay runs "
      "them; base {}",
      rows, names, arguments.base);
  for (const FittedConstant& constant : calibration.fitted) {
    set_source(hardware, constant.path, fit);
  }
  const bool alone = arguments.logs.empty();
  hardware.name = name_of_hardware(arguments);
  hardware.about = fmt::format("{}Kernels of the replay, calibrated: {} constants of {}{}.",
                               alone ? "" : hardware.about + " ", calibration.fitted.size(), names,
                               alone ? ", the others of " + arguments.base : "");
  hardware.accuracy = fmt::format("{}Of the kernels it was fitted to, medians: {}.",
                                  alone ? "" : hardware.accuracy + " ", errors);
}

// Runs on several nodes cannot tell the network from what each node does by itself.
void warn_of_network(const Calibration& calibration, const std::vector<NcclRun>& runs) {
  const bool alone = std::ranges::none_of(
      runs, [&](const NcclRun& run) { return nodes_of(run, calibration.hardware.node) == 1; });
  const bool of_nodes = std::ranges::any_of(
      calibration.fitted,
      [](const CalibratedConstant& constant) { return !constant.path.starts_with("nccl.net."); });
  if (!alone || !of_nodes) return;
  fmt::print(stderr,
             "warning: all runs are on several nodes, and constants that one node uses, too, were "
             "fitted to them\n  hint: predict groups on one node with another file, or add logs of "
             "one node\n");
}

Result<std::vector<MeasuredKernel>> read_kernels(const CalibrateArguments& arguments) {
  std::vector<MeasuredKernel> rows;
  Diagnostics faults;
  for (const std::string& path : arguments.kernels) {
    const Result<std::string> text = read_log(path);
    if (!text) {
      faults.insert(faults.end(), text.faults().begin(), text.faults().end());
      continue;
    }
    const auto read = read_kernel_rows(*text, path);
    if (read) {
      rows.insert(rows.end(), read->begin(), read->end());
    } else {
      faults.insert(faults.end(), read.faults().begin(), read.faults().end());
    }
  }
  if (!faults.empty()) return faults;
  return rows;
}

// What is told: of logs as ever, of kernels beside it.
struct Told {
  Hardware hardware;
  std::string text;
  nlohmann::ordered_json json;
};

std::optional<Diagnostics> fit_logs(const CalibrateArguments& arguments, Told& told) {
  const auto log = read_logs(arguments);
  if (!log) return log.faults();
  Calibration calibration = calibrate(log->runs, told.hardware);
  if (!arguments.quiet) fmt::print(stderr, "{}", calibration_warnings(calibration, *log));
  if (!arguments.quiet) warn_of_network(calibration, log->runs);
  describe(calibration, arguments);
  told = {calibration.hardware, calibration_text(calibration, log->runs),
          calibration_json(calibration, *log)};
  return std::nullopt;
}

std::optional<Diagnostics> fit_kernels(const CalibrateArguments& arguments, Told& told) {
  const auto rows = read_kernels(arguments);
  if (!rows) return rows.faults();
  auto calibration = calibrate_kernels(*rows, told.hardware);
  if (!calibration) return calibration.faults();
  describe(*calibration, arguments);
  told.hardware = calibration->hardware;
  told.text += (told.text.empty() ? "" : "\n") + kernel_calibration_text(*calibration);
  if (told.json.empty()) told.json["schema"] = "lockstep.calibrate/1";
  told.json["hardware"] = told.hardware.name;
  told.json["kernels"] = kernel_calibration_json(*calibration);
  return std::nullopt;
}

int run_calibrate(const CalibrateArguments& arguments) {
  if (arguments.logs.empty() && arguments.kernels.empty()) {
    return fail({plain_fault("nothing to fit to",
                             "logs of nccl-tests, or --kernels FILE.json of `lockstep kernel "
                             "--measure`")});
  }
  std::vector<std::string> read = arguments.logs;
  read.insert(read.end(), arguments.kernels.begin(), arguments.kernels.end());
  const auto twice =
      same_output({{"--output", arguments.output}, {"--json", arguments.json}}, read);
  if (twice) return fail({*twice});
  const Result<Hardware> base = load_hardware(arguments.base);
  if (!base) return fail(base.faults());
  Told told{*base, "", {}};
  std::optional<Diagnostics> faults;
  if (!arguments.logs.empty()) faults = fit_logs(arguments, told);
  if (!faults && !arguments.kernels.empty()) faults = fit_kernels(arguments, told);
  if (faults) return fail(*faults);
  JsonOutput json(arguments.json);
  if (json.wanted()) json.add(told.json);
  const bool prints = !json.alone() && arguments.output != kStandardOutput && !arguments.quiet;
  if (prints) print(told.text);
  if (!arguments.output.empty()) {
    const auto fault = write_file(arguments.output, hardware_yaml(told.hardware));
    if (fault) return fail({*fault});
    if (prints) print("wrote " + arguments.output + "\n");
  }
  return json.finish();
}

}  // namespace

void add_calibrate(CLI::App& app, Run& run) {
  CLI::App* command = app.add_subcommand(
      "calibrate", "fit hardware constants to nccl-tests' output and measured kernels");
  auto arguments = std::make_shared<CalibrateArguments>();
  command->add_option("LOG", arguments->logs, "output of all_reduce_perf and its like");
  command
      ->add_option("--kernels", arguments->kernels,
                   "kernels that `lockstep kernel --measure --json FILE` measured")
      ->type_name("FILE.json")
      ->allow_extra_args(false);
  command->add_option("--base", arguments->base,
                      "hardware preset or file whose other constants are kept");
  command->add_option("--collective", arguments->collective,
                      "what logs measured that do not say it: all_reduce, all_gather, ...");
  command->add_option("--name", arguments->name, "what the hardware is called");
  command
      ->add_option("--output,-o", arguments->output,
                   "write the hardware file FILE, or - for standard output")
      ->type_name("FILE");
  command->add_option("--json", arguments->json, "write JSON to FILE, or - for standard output");
  command->add_flag("--quiet,-q", arguments->quiet, "print nothing");
  command->footer(
      "examples:\n"
      "  lockstep calibrate all_reduce.log all_gather.log --base hgx-h200 -o mine.yaml\n"
      "  lockstep calibrate two_nodes.log --base mine.yaml -o cluster.yaml\n"
      "  lockstep calibrate --kernels gemm.json --kernels norm.json -o mine.yaml\n"
      "  lockstep collective all_reduce --ranks 8 --hardware mine.yaml");
  command->callback([arguments, &run] { run = [arguments] { return run_calibrate(*arguments); }; });
}

}  // namespace lockstep::tools
