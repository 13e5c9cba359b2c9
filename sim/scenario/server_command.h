// The arguments of an SGLang server, from its command line, a file of arguments or its log.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "sim/base/error.h"
#include "sim/scenario/sglang_arguments.h"

namespace lockstep {

struct GivenArgument {
  const ServerArgument* argument = nullptr;
  std::string spelling;             // as it was given: "--tp", "tp_size"
  std::vector<std::string> values;  // of a switch: "true" or "false"
  std::string source;               // "command line", "config.yaml"
  bool is_object = false;           // of a log: no plain value, but what the server made of it
};

struct ServerCommand {
  std::vector<std::pair<std::string, std::string>> environment;  // assignments, as given
  std::vector<GivenArgument> arguments;  // each once: the last that was given
  std::vector<std::string> unknown;      // spellings
  bool from_log = false;                 // a log states defaults too
  Diagnostics doubts;  // may make another scenario than was meant: unknown names, a cut line
  Diagnostics notes;   // what was done with what was given
};

// Reads `text`, which `source` names in faults ("command line", a file): a command line `sglang
// serve ...` or `python -m sglang.launch_server ...`, with whatever a shell or a launcher has
// before it, or a log with `ServerArgs(...)`, or a part of that. A --config file is read where the
// command line says, from the working directory. Of a log, arguments that are None or False are
// left out.
Result<ServerCommand> read_server_command(const std::string& text, const std::string& source);

// ---- between its parts ------------------------------------------------------------------------

// The log in `text`, or nullopt if there is none: see server_log.cc.
std::optional<ServerCommand> read_server_log(const std::string& text, const std::string& source);

// The arguments of a YAML file as `--config` reads it. Faults with places: an unreadable file, what
// is no map of arguments, a missing value. Unknown names go to `command`.
Result<std::vector<GivenArgument>> read_server_config(const std::string& path,
                                                      ServerCommand& command);

// So many are kept; more would be no list that helps.
inline constexpr std::size_t kMostUnknown = 100;
// Notes an unknown argument, once for each spelling.
void add_unknown(ServerCommand& command, const std::string& spelling, const std::string& source);
// A diagnostic without a line.
Diagnostic said(const std::string& source, std::string message, std::string hint = {});
// `text` for a message: at most 60 characters of it.
std::string shortened(const std::string& text);

}  // namespace lockstep
