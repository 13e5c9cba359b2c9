#include <memory>

#include "sim/base/text.h"
#include "sim/scenario/import_sglang.h"
#include "tools/commands.h"

namespace lockstep::tools {
namespace {

struct ImportArguments {
  std::vector<std::string> words;
  ImportOptions options;
};

int run_import(const ImportArguments& arguments) {
  Result<std::string> text = import_sglang(join(arguments.words, " "), arguments.options);
  if (!text) return fail(text.faults());
  print(*text);
  return kGood;
}

}  // namespace

void add_import(CLI::App& app, Run& run) {
  CLI::App* command = app.add_subcommand("import", "make a scenario of how a server was started");
  command->require_subcommand(1);
  CLI::App* sglang = command->add_subcommand("sglang", "from an `sglang serve ...` command line");
  auto arguments = std::make_shared<ImportArguments>();
  sglang->add_option("COMMAND", arguments->words, "the command line, in quotes")->required();
  sglang->add_option("--revision", arguments->options.revision, "serving.revision of the scenario");
  sglang->add_option("--hardware", arguments->options.hardware, "hardware preset");
  sglang->add_option("--tokens", arguments->options.tokens, "tokens on each shard")->delimiter(',');
  sglang->footer(
      "examples:\n"
      "  lockstep import sglang --revision '24785^' 'sglang serve --model-path "
      "moonshotai/Kimi-K2.6 --tp 8 --dp 8 --ep 8 --enable-dp-attention' > s.yaml");
  sglang->callback([arguments, &run] { run = [arguments] { return run_import(*arguments); }; });
}

}  // namespace lockstep::tools
