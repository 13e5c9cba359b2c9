// Splits a command line as a POSIX shell does, without expanding anything.
#pragma once

#include <string>
#include <vector>

#include "sim/base/error.h"

namespace lockstep {

// Words with their quotes removed: '...', "...", \c; a backslash before a line's end continues the
// line. Unclosed quotes and shell operators outside quotes (| & ; < >) are faults.
Result<std::vector<std::string>> shell_words(const std::string& command_line);

}  // namespace lockstep
