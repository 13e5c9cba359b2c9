// Splits what was pasted from a terminal or a script as a POSIX shell does, expanding nothing.
#pragma once

#include <string>
#include <vector>

#include "sim/base/error.h"

namespace lockstep {

struct ShellCommand {
  std::vector<std::string> words;
  int line = 1;  // of its first word, from 1
};

// The commands of `text`, which `file` names in faults. Words lose their quotes ('...', "...", \c);
// comments go; a backslash before a line's end continues the line, and so does a next line that
// begins with a dash, because pasting loses backslashes. Redirections are dropped; ; & | && || part
// commands. $NAME, $(...) and `...` stay as they are. Faults: a quote or a bracket that is not
// closed, a here-document.
Result<std::vector<ShellCommand>> shell_commands(const std::string& text, const std::string& file);

}  // namespace lockstep
