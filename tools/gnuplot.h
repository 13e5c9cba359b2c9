// Pictures by gnuplot, where it is installed (Debian package gnuplot-nox).
#pragma once

#include <string>

#include "sim/base/error.h"

namespace lockstep::tools {

// What `script` writes to standard output. Faults: gnuplot is not there, or refuses the script.
Result<std::string> gnuplot(const std::string& script);

}  // namespace lockstep::tools
