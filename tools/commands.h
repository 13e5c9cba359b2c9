// The commands of `lockstep`: each adds itself to the parser and says how to run it.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <functional>

#include "tools/options.h"

namespace lockstep::tools {

// Set by the command that was named; returns the exit code.
using Run = std::function<int()>;

void add_check(CLI::App& app, Run& run);
void add_collective(CLI::App& app, Run& run);
void add_kernel(CLI::App& app, Run& run);
void add_bisect(CLI::App& app, Run& run);
void add_plan(CLI::App& app, Run& run);
void add_replay(CLI::App& app, Run& run);
void add_run(CLI::App& app, Run& run);
void add_sweep(CLI::App& app, Run& run);
void add_test(CLI::App& app, Run& run);
void add_explain(CLI::App& app, Run& run);
void add_import(CLI::App& app, Run& run);
void add_calibrate(CLI::App& app, Run& run);

// An option's whole number from `least` to `most`, for help and faults in short words.
CLI::Validator whole_number(std::int64_t least, std::int64_t most);

// SCENARIO..., --set, --json, --quiet, --all.
void add_common(CLI::App& command, Common& common);
// --fixed, --neighbour.
void add_variant(CLI::App& command, Common& common);

}  // namespace lockstep::tools
