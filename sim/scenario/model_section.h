// The `model` key: a preset, a published config.json, or its keys written out.
#pragma once

#include <optional>
#include <string>

#include "sim/base/yaml.h"
#include "sim/model/model.h"
#include "sim/scenario/checker.h"

namespace lockstep {

// The model that `value` describes; nullopt if a fault was reported. Paths of config files are
// relative to `scenario_file`. Keys of a config.json file that are not modelled are ignored (a
// published file has many); the same keys in the scenario are faults. The text part of a
// multimodal model (`text_config`) is what is modelled.
std::optional<Model> read_model(Checker& checker, FaultList& faults, const Node& value,
                                const std::string& scenario_file);

}  // namespace lockstep
