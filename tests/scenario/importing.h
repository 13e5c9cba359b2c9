// Imports for tests.
#pragma once

#include <string>

#include "sim/scenario/import_sglang.h"
#include "sim/scenario/scenario.h"

namespace lockstep::test {

// The scenario's text; the test fails if there is none.
std::string imported(const std::string& command, const ImportOptions& options = {});
// "none", or what is wrong.
std::string import_faults(const std::string& command, const ImportOptions& options = {});
// What is said beside the scenario, doubts first; the test fails if there is no scenario.
std::string import_remarks(const std::string& command, const ImportOptions& options = {});

}  // namespace lockstep::test
