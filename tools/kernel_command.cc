#include <fmt/format.h>

#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <memory>
#include <sstream>
#include <string_view>
#include <system_error>

#include "sim/base/text.h"
#include "sim/report/accuracy.h"
#include "sim/report/kernel_report.h"
#include "tools/commands.h"
#include "tools/kernel_shapes.h"
#include "tools/nccl_program.h"
#include "tools/output.h"

namespace lockstep::tools {
namespace {

struct KernelOptions {
  std::string kind;
  std::string hardware = "hgx-h200";
  std::vector<std::string> set;
  std::vector<std::string> shapes;
  std::string file;
  std::string json;
  bool measure = false;
};

// As of replay: no such backend.
constexpr int kNoGpu = 4;

Result<std::string> text_of(const std::string& file) {
  if (file == "-") {
    return std::string(std::istreambuf_iterator<char>(std::cin), {});
  }
  const auto refuse = [&](const char* why) {
    return plain_fault(fmt::format("{}: {}", file, why), "--shapes FILE.csv");
  };
  std::error_code ignored;
  if (std::filesystem::is_directory(file, ignored)) {
    return refuse("this is a directory, not a file");
  }
  std::ifstream stream(file, std::ios::binary);
  if (!stream) return refuse("cannot open this file");
  std::ostringstream text;
  text << stream.rdbuf();
  if (stream.bad()) return refuse("cannot read this file");
  return text.str();
}

Result<std::vector<ShapeText>> shapes_of(const KernelOptions& options) {
  std::vector<ShapeText> shapes;
  for (const std::string& text : options.shapes) {
    auto shape = split_shape(text, "--shape " + text);
    if (!shape) return shape.faults();
    shapes.push_back(*std::move(shape));
  }
  if (!options.file.empty()) {
    const auto text = text_of(options.file);
    if (!text) return text.faults();
    auto read = read_shapes(*text, options.file);
    if (!read) return read.faults();
    shapes.insert(shapes.end(), read->begin(), read->end());
  }
  if (shapes.empty()) {
    return plain_fault("no shape is given", "--shape m=128,n=7168,k=7168, or --shapes FILE.csv");
  }
  return shapes;
}

// Of several shapes the fault says which one it is.
Diagnostics at_shape(Diagnostics faults, std::size_t number, std::size_t shapes) {
  for (Diagnostic& fault : faults) {
    if (shapes > 1) fault.message = fmt::format("shape {}: {}", number, fault.message);
  }
  return faults;
}

struct Asked {
  KernelTable table;
  std::vector<Kernel> kernels;  // of its rows
};

Result<Asked> asked(const KernelOptions& options) {
  const auto hardware = hardware_with(options.hardware, options.set);
  if (!hardware) return hardware.faults();
  const auto shapes = shapes_of(options);
  if (!shapes) return shapes.faults();
  Asked all{{options.kind, hardware->name, {}, {}, accuracy_line(*hardware, AccuracyOf::kernels)},
            {}};
  for (const ShapeText& shape : *shapes) {
    const auto kernel = kernel_of(options.kind, shape);
    if (!kernel) return at_shape(kernel.faults(), all.kernels.size() + 1, shapes->size());
    all.table.rows.push_back({shape, kernel_estimate(*kernel, hardware->gpu)});
    all.kernels.push_back(*kernel);
  }
  return all;
}

// What a replay on GPUs would be refused for, in this command's words.
Diagnostic in_our_words(Diagnostic refused) {
  constexpr std::string_view kReplays = "--backend nccl: ";
  if (refused.message.starts_with(kReplays)) refused.message.erase(0, kReplays.size());
  refused.message = "--measure: " + refused.message;
  refused.hint = "without --measure kernels are predicted, and no GPU is needed";
  return refused;
}

// Why nothing was measured.
std::optional<Diagnostic> measure(Asked& all) {
  if (kernel_timer() == nullptr) return in_our_words(become_nccl_program());
  const nccl::KernelTimes times = kernel_timer()(all.kernels);
  if (times.refused) return in_our_words(*times.refused);
  all.table.machine = times.machine;
  for (std::size_t i = 0; i < times.kernels.size(); ++i) {
    all.table.rows[i].measured = times.kernels[i];
  }
  return std::nullopt;
}

int run_kernel(const KernelOptions& options) {
  const auto lost = same_output({{"--json", options.json}}, {options.file});
  if (lost) return fail({*lost});
  Result<Asked> all = asked(options);
  if (!all) return fail(all.faults());
  if (options.measure) {
    const std::optional<Diagnostic> refused = measure(*all);
    if (refused) {
      fail({*refused});
      return kNoGpu;
    }
  }
  JsonOutput json(options.json);
  if (json.wanted()) json.add(kernel_json(all->table));
  if (!json.alone()) print(kernel_text(all->table));
  return json.finish();
}

}  // namespace

void add_kernel(CLI::App& app, Run& run) {
  const auto options = std::make_shared<KernelOptions>();
  CLI::App& command = *app.add_subcommand("kernel", "predict what a kernel takes, and measure it");
  command.add_option("KIND", options->kind, join(kernel_kinds(), ", "))
      ->required()
      ->check(CLI::IsMember(kernel_kinds()));
  command.add_option("--shape", options->shapes, "key=value,...; a row each")
      ->allow_extra_args(false);
  command.add_option("--shapes", options->file, "CSV with a line of keys; - for standard input");
  command.add_option("--hardware", options->hardware, "preset or hardware file");
  command.add_option("--set", options->set, "path=value of a constant: gpu.hbm_GBps=4000")
      ->allow_extra_args(false);
  command.add_flag("--measure", options->measure,
                   "measure each on this machine's GPU, too, as the replay runs it");
  command.add_option("--json", options->json, "JSON to a file, or - for standard output");
  std::string footer = "Keys of a shape, with what they are if not said:\n";
  for (const std::string& kind : kernel_kinds()) footer += shape_help(kind);
  command.footer(footer +
                 "\nExample: lockstep kernel gemm --hardware hgx-b200 --shape "
                 "m=128,n=7168,k=7168,weights=fp8\n");
  command.callback([options, &run] { run = [options] { return run_kernel(*options); }; });
}

}  // namespace lockstep::tools
