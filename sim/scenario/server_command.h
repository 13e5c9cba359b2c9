// The arguments of an SGLang server, from its command line or from its log.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "sim/base/error.h"

namespace lockstep {

struct GivenArgument {
  std::string name;  // without the leading dashes
  std::vector<std::string> values;
};

struct ServerCommand {
  std::vector<std::pair<std::string, std::string>> environment;  // assignments before the command
  std::vector<GivenArgument> arguments;
  bool from_log = false;  // a log states every argument, defaults too
};

// Reads `sglang serve ...`, `python -m sglang.launch_server ...` (with VARIABLE=value before it),
// or a log line that contains `ServerArgs(...)`. Of a log, arguments that are None or False are
// left out.
Result<ServerCommand> read_server_command(const std::string& text);

}  // namespace lockstep
