// A scenario file as values: what to lower, on what hardware, and what to expect.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "sim/base/error.h"
#include "sim/base/setting.h"
#include "sim/base/yaml.h"
#include "sim/cost/hardware.h"
#include "sim/scenario/bug.h"
#include "sim/scenario/patch.h"
#include "sim/serving/input.h"

namespace lockstep {

// One violation as `expect` describes it; unset fields match anything.
struct ExpectedViolation {
  std::optional<std::string> code;
  std::optional<int> step;
  std::optional<int> layer;
  std::optional<std::string> module;
  std::optional<std::string> group;
  std::optional<std::string> factor;  // normalised rational text
  std::optional<std::string> operation;
  std::optional<int> explained_by;  // a pull request
  bool operator==(const ExpectedViolation&) const = default;
};

struct Expect {
  std::optional<std::string> verdict;  // holds, violated, unknown
  std::optional<ExpectedViolation> first;
  std::optional<int> count;
  std::optional<std::vector<int>> layers;  // of all violations, in order, each once
  std::optional<std::vector<ExpectedViolation>> all;
  std::optional<std::string> replay;  // agrees, diverges, stopped
  bool operator==(const Expect&) const = default;
};

struct Scenario {
  std::string name;
  std::string about;
  LoweringInput input;
  std::optional<Plan> program;  // what a `program:` says; then `input` says nothing
  Hardware hardware;            // hgx-h200 if the file does not say
  std::optional<int> nodes;     // of the hardware; as many as needed if the file does not say
  std::optional<Expect> expect;
  std::optional<Bug> bug;
  std::vector<Patch> patches;  // the fix, then the neighbours; patched() makes them
  Document source;             // with `--set` applied; places of keys are looked up here
};

// Reads and checks a scenario. All faults of the file are reported at once.
Result<Scenario> parse_scenario(std::string text, const std::string& file,
                                const std::vector<Setting>& settings = {});
Result<Scenario> parse_scenario(Document document, const std::vector<Setting>& settings = {});
Result<Scenario> load_scenario(const std::string& path, const std::vector<Setting>& settings = {});

// `scenario` with more settings on top of those that it was made with.
Result<Scenario> with_settings(const Scenario& scenario, const std::vector<Setting>& settings);

// The scenario's program, or lower() with the places of its faults looked up in the scenario's
// text.
Result<Plan> lower(const Scenario& scenario);

}  // namespace lockstep
