// lockstep: checks, prints and replays the communication of distributed LLM inference.
#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <exception>
#include <string>
#include <string_view>
#include <vector>

#include "sim/base/text.h"
#include "sim/base/time.h"
#include "tools/commands.h"
#include "tools/output.h"

namespace lockstep::tools {

void add_common(CLI::App& command, Common& common) {
  command.add_option("SCENARIO", common.files, "scenario or plan files")->required();
  command.add_option("--set", common.set, "path=value: replace or add one key of the scenario")
      ->allow_extra_args(false);
  command.add_option("--json", common.json, "write JSON to FILE, or - for standard output");
  command.parse_complete_callback([&common] {
    const auto lost = same_output({{"--json", common.json}}, common.files);
    if (lost) throw CLI::ValidationError(lost->message);
  });
  command.add_flag("--quiet,-q", common.quiet, "print nothing; the exit code tells");
  command.add_flag("--all", common.all, "print every finding, not the first three");
}

namespace {

// `--steps` alone means all of them. CLI11 would take the file behind it for its value.
std::vector<std::string> arguments_of(int argc, char** argv) {
  std::vector<std::string> arguments(argv + 1, argv + argc);
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    if (arguments[i] != "--steps") continue;
    const std::string next = i + 1 < arguments.size() ? arguments[i + 1] : "";
    const bool has_value = next == "all" || next.starts_with("layer");
    if (!has_value) arguments[i] = "--steps=all";
  }
  return arguments;
}

std::vector<std::string> command_names(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::App* command : app.get_subcommands({})) names.push_back(command->get_name());
  return names;
}

// The names of the options of `command`.
std::vector<std::string> option_names(const CLI::App& command) {
  std::vector<std::string> names;
  for (const CLI::Option* option : command.get_options()) {
    for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
  }
  return names;
}

int usage_fault(const std::string& message, std::string_view misspelt,
                const std::vector<std::string>& known, const std::string& help) {
  const auto near = nearest(misspelt, known);
  const std::string hint = near ? fmt::format("did you mean {}?", *near) : "see " + help;
  return fail({plain_fault(message, hint)});
}

// What is wrong with the command line, with the nearest command or option where one was misspelt.
int usage_error(const CLI::App& app, const CLI::ParseError& error,
                const std::vector<std::string>& arguments) {
  if (error.get_exit_code() == 0) return app.exit(error);
  const std::vector<std::string> commands = command_names(app);
  const std::string first = arguments.empty() ? "" : arguments.front();
  if (std::ranges::find(commands, first) == commands.end()) {
    const bool is_command = !first.empty() && !first.starts_with('-');
    const std::string message = is_command ? fmt::format("unknown command '{}'", first)
                                           : "a command is missing: " + join(commands, ", ");
    return usage_fault(message, first, commands, "lockstep --help");
  }
  const CLI::App* command = app.get_subcommand(first);
  const std::vector<std::string> known = option_names(*command);
  for (const std::string& argument : arguments) {
    const std::string name = split(argument, '=').front();
    const bool unknown = name.starts_with("--") && std::ranges::find(known, name) == known.end();
    const bool is_fault = unknown && dynamic_cast<const CLI::ExtrasError*>(&error) != nullptr;
    if (is_fault) {
      return usage_fault(fmt::format("unknown option '{}' of lockstep {}", name, first), name,
                         known, fmt::format("lockstep {} --help", first));
    }
  }
  return usage_fault(error.what(), "", {}, fmt::format("lockstep {} --help", first));
}

// `code`, or bad input where standard output could not be written.
int flushed(int code) {
  if (std::fflush(stdout) == 0 && std::ferror(stdout) == 0) return code;
  return worse(code, fail({plain_fault("cannot write standard output", "is the disk full?")}));
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
  add_collective(app, run);
  add_kernel(app, run);
  add_bisect(app, run);
  add_plan(app, run);
  add_run(app, run);
  add_replay(app, run);
  add_sweep(app, run);
  add_test(app, run);
  add_explain(app, run);
  add_import(app, run);
  add_calibrate(app, run);
  const std::vector<std::string> arguments = arguments_of(argc, argv);
  try {
    app.parse(std::vector<std::string>(arguments.rbegin(), arguments.rend()));
  } catch (const CLI::ParseError& error) {
    return usage_error(app, error, arguments);
  }
  return flushed(run());
}

}  // namespace
}  // namespace lockstep::tools

int main(int argc, char** argv) {
  try {
    return lockstep::tools::run_main(argc, argv);
  } catch (const lockstep::ClockOverflow& error) {
    return lockstep::tools::fail({error.fault()});
  } catch (const std::exception& error) {
    fmt::print(stderr, "lockstep failed: {}\nThis is a defect of Lockstep, please report it.\n",
               error.what());
    return lockstep::tools::kBadInput;
  }
}
