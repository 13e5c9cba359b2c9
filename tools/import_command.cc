#include <fmt/format.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <memory>
#include <system_error>

#include "sim/base/text.h"
#include "sim/scenario/import_sglang.h"
#include "tools/commands.h"
#include "tools/output.h"

namespace lockstep::tools {
namespace {

struct ImportArguments {
  std::vector<std::string> words;
  std::string log;     // a file
  std::string output;  // a file; empty: standard output
  ImportOptions options;
};

struct CloseFile {
  void operator()(std::FILE* file) const { std::fclose(file); }
};

Result<std::string> read_all(std::FILE* file, const std::string& name) {
  constexpr std::size_t kMost = std::size_t{64} * 1024 * 1024;
  std::string text;
  std::array<char, 65536> piece{};
  while (const std::size_t count = std::fread(piece.data(), 1, piece.size(), file)) {
    text.append(piece.data(), count);
    if (text.size() > kMost) {
      return Diagnostic{{name, 0, 0}, "", "more than 64 MiB", "", "give the line alone"};
    }
  }
  if (std::ferror(file) == 0) return text;
  const std::string why = std::generic_category().message(errno);
  return Diagnostic{{name, 0, 0}, "", "cannot read this: " + why, "", ""};
}

Result<std::string> read_file(const std::string& path) {
  const std::unique_ptr<std::FILE, CloseFile> file(std::fopen(path.c_str(), "rbe"));
  if (file) return read_all(file.get(), path);
  const std::string why = std::generic_category().message(errno);
  return Diagnostic{{path, 0, 0}, "", "cannot open this file: " + why, "", ""};
}

// What to import, and in `source` where it is from.
Result<std::string> input(const ImportArguments& arguments, std::string& source) {
  const bool is_file = !arguments.log.empty() && arguments.log != "-";
  const bool from_input = arguments.log == "-" || arguments.words == std::vector<std::string>{"-"};
  if (arguments.log.empty() == arguments.words.empty()) {
    return Diagnostic{
        {},
        "",
        arguments.log.empty() ? "there is nothing to import" : "a command line and --log are given",
        "",
        "give a command line in quotes, - for standard input, or --log FILE"};
  }
  source = is_file ? arguments.log : from_input ? "standard input" : "command line";
  if (is_file) return read_file(arguments.log);
  if (from_input) return read_all(stdin, source);
  return join(arguments.words, " ");
}

void print_all(const char* kind, const Diagnostics& diagnostics) {
  for (const Diagnostic& d : diagnostics) {
    const std::string place = d.place.file.empty() ? "" : d.place.file + ": ";
    fmt::print(stderr, "{}{}: {}\n", place, kind, d.message);
    if (!d.hint.empty()) fmt::print(stderr, "  hint: {}\n", d.hint);
  }
}

int run_import(const ImportArguments& arguments) {
  const auto lost = same_output({{"--output", arguments.output}}, {arguments.log});
  if (lost) return fail({*lost});
  ImportOptions options = arguments.options;
  const Result<std::string> text = input(arguments, options.source);
  if (!text) return fail(text.faults());
  const bool to_file = !arguments.output.empty() && arguments.output != kStandardOutput;
  if (to_file) options.file = arguments.output;
  const Imported imported = import_sglang(*text, options);
  print_all("warning", imported.doubts);
  print_all("note", imported.notes);
  if (!imported.faults.empty()) return fail(imported.faults);
  if (!to_file) {
    print(imported.scenario);
    return kGood;
  }
  const auto fault = write_file(arguments.output, imported.scenario);
  return fault ? fail({*fault}) : kGood;
}

void add_options(CLI::App& sglang, ImportArguments& arguments) {
  ImportOptions& options = arguments.options;
  sglang.add_option("COMMAND", arguments.words,
                    "the command line or the log line, in quotes; - reads standard input");
  sglang.add_option("--log", arguments.log, "read FILE: a server's log, or a script")
      ->type_name("FILE");
  sglang.add_option("--output,-o", arguments.output, "write FILE instead of standard output")
      ->type_name("FILE");
  sglang.add_option("--revision", options.revision, "serving.revision of the scenario");
  sglang.add_option("--hardware", options.hardware, "hardware preset");
  sglang.add_option("--tokens", options.tokens, "tokens on each shard")->delimiter(',');
  sglang.add_option("--model", options.model, "the model, instead of --model-path");
  sglang
      .add_option("--ignore", options.ignored,
                  "leave this argument out, for example one that is not modelled")
      ->allow_extra_args(false);
  sglang.add_flag("--strict", options.strict, "an unknown argument or a cut log line is an error");
}

}  // namespace

void add_import(CLI::App& app, Run& run) {
  CLI::App* command = app.add_subcommand("import", "make a scenario of how a server was started");
  command->require_subcommand(1);
  CLI::App* sglang = command->add_subcommand(
      "sglang", "from an `sglang serve ...` command line, or the ServerArgs(...) of a log");
  auto arguments = std::make_shared<ImportArguments>();
  add_options(*sglang, *arguments);
  sglang->footer(
      "examples:\n"
      "  lockstep import sglang --revision '24785^' 'sglang serve --model-path "
      "moonshotai/Kimi-K2.6 --tp 8 --dp 8 --ep 8 --enable-dp-attention' > s.yaml\n"
      "  lockstep import sglang --log server.log --output s.yaml\n"
      "  lockstep import sglang - < launch.sh | lockstep check /dev/stdin\n"
      "  lockstep import sglang --ignore speculative-algorithm 'python3 -m sglang.launch_server "
      "--model-path deepseek-ai/DeepSeek-R1 --tp 16 --nnodes 2 --speculative-algorithm EAGLE'");
  sglang->callback([arguments, &run] { run = [arguments] { return run_import(*arguments); }; });
}

}  // namespace lockstep::tools
