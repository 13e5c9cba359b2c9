// `--set path=value`, applied to a parsed file before it is checked.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "sim/base/yaml.h"
#include "sim/scenario/checker.h"
#include "sim/scenario/scenario.h"

namespace lockstep {

// The settings as the user wrote them: "--set parallel.dp_size=4".
std::vector<std::string> as_written(const std::vector<Setting>& settings);

// Replaces or adds one key of `root` for each setting, in order. Entries of lists are counted from
// 0: `steps.0.padding`. A preset's name (`model`, `hardware`) becomes {preset: NAME}, a hardware
// file's {file: NAME}, when a key below it is set. Nodes made by setting i have line -(i + 1).
void apply_settings(Node& root, const std::vector<Setting>& settings, FaultList& faults);

// The node at `path` of `root`, with maps made on the way as apply_settings() does; what is made
// has the place of `maker`. A path that leads nowhere is one fault, without a place.
Result<Node*> node_to_set(Node& root, const std::string& path, const Node& maker);

// Gives nodes that earlier settings made no line, so that they are not taken for those of others.
void forget_settings(Node& node);

// Takes the keys that are there out of `map`.
void remove_keys(Node& map, std::initializer_list<std::string_view> names);

}  // namespace lockstep
