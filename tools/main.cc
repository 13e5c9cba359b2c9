// lockstep: checks, prints and replays the communication of distributed LLM inference.
#include <fmt/format.h>

#include <exception>

#include "sim/base/text.h"
#include "tools/commands.h"

namespace lockstep::tools {

void add_common(CLI::App& command, Common& common) {
  command.add_option("SCENARIO", common.files, "scenario or plan files")->required();
  command.add_option("--set", common.set, "path=value: replace or add one key of the scenario")
      ->allow_extra_args(false);
  command.add_option("--json", common.json, "write JSON to FILE, or - for standard output");
  command.add_flag("--quiet,-q", common.quiet, "print nothing; the exit code tells");
  command.add_flag("--all", common.all, "print every finding, not the first three");
}

namespace {

// What CLI11 says, with the nearest command or option where one was misspelt.
int usage_error(const CLI::App& app, const CLI::ParseError& error, int argc, char** argv) {
  if (error.get_exit_code() == 0) return app.exit(error);
  fmt::print(stderr, "error: {}\n", error.what());
  std::vector<std::string> known;
  for (const CLI::App* command : app.get_subcommands({})) {
    known.push_back(command->get_name());
    for (const CLI::Option* option : command->get_options()) {
      for (const std::string& name : option->get_lnames()) known.push_back("--" + name);
    }
  }
  for (int i = 1; i < argc; ++i) {
    const std::string word = split(argv[i], '=').front();
    const bool is_known = std::find(known.begin(), known.end(), word) != known.end();
    const auto near = nearest(word, known);
    if (!is_known && near) fmt::print(stderr, "  hint: did you mean {}?\n", *near);
  }
  fmt::print(stderr, "  hint: lockstep --help, lockstep COMMAND --help\n");
  return kBadInput;
}

int run_main(int argc, char** argv) {
  CLI::App app{
      "Lockstep: is the communication of this distributed inference right, and what really "
      "happens?\n",
      "lockstep"};
  app.footer(
      "examples:\n"
      "  lockstep check scenarios/bugs/sglang/24785-kimi-k2.6-dep8-before.yaml\n"
      "  lockstep check s.yaml --set serving.revision=24785 --steps layer=0\n"
      "  lockstep plan diff before.yaml after.yaml\n"
      "  lockstep replay s.yaml\n"
      "  lockstep test scenarios\n"
      "exit codes: 0 holds, 1 violated, 2 bad input, 3 unknown, 4 no such backend here");
  app.require_subcommand(1);
  app.set_version_flag("--version", "lockstep 0.1.0");
  Run run;
  add_check(app, run);
  add_plan(app, run);
  add_replay(app, run);
  add_test(app, run);
  add_explain(app, run);
  add_import(app, run);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return usage_error(app, error, argc, argv);
  }
  return run();
}

}  // namespace
}  // namespace lockstep::tools

int main(int argc, char** argv) {
  try {
    return lockstep::tools::run_main(argc, argv);
  } catch (const std::exception& error) {
    fmt::print(stderr, "lockstep failed: {}\nThis is a defect of Lockstep, please report it.\n",
               error.what());
    return lockstep::tools::kBadInput;
  }
}
