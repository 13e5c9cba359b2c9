// Other programs: found, run to their end within a limit, and looked for among the processes.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "backend/nccl/launch/placement.h"

namespace lockstep::nccl {

// Where `name` is on a PATH ("/usr/bin:/bin"); empty: nowhere.
std::string find_program(std::string_view name, std::string_view path);

struct Command {
  std::string program;  // its path
  std::vector<std::string> arguments;
  Environment environment;  // all of it
  std::string input;
  std::chrono::milliseconds limit{10000};
};

struct Finished {
  std::optional<int> exit_code;  // nothing: it was killed, by the limit or by a signal
  std::string output;            // what it and those it left behind wrote until then
  // "exit code 1", "no end within 10 s", "SIGSEGV", "No such file or directory"
  std::string how;
  bool succeeded() const { return exit_code == 0; }
};

// Runs it in a session of its own and waits for its end, not for that of processes which it leaves
// behind. At the limit its process group is killed.
Finished run(const Command& command);

// The processes that were started with `variable` (NAME=value) in their environment, but this one.
std::vector<pid_t> processes_with(const std::string& variable);

}  // namespace lockstep::nccl
