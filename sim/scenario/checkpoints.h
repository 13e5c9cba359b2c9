// From the name of a published checkpoint to a model preset.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lockstep {

struct Checkpoint {
  std::string preset;
  // Keys of `model` that its config.json has different from the preset, as YAML.
  std::vector<std::pair<std::string, std::string>> overrides;
  // Parts of the name that are taken to leave layers and widths as they are: "instruct", "0528".
  std::vector<std::string> assumed;
};

// "moonshotai/Kimi-K2.6", a folder, or a folder of the Hugging Face cache
// (".../models--moonshotai--Kimi-K2.6/snapshots/..."): the checkpoint's own name in lower case.
std::string checkpoint_name(std::string_view path);

// By the longest known name that `name` starts with, if the rest of it says a variant or how it is
// quantised. Known are the presets, and names in checkpoints.cc that share a preset's layers.
std::optional<Checkpoint> find_checkpoint(const std::string& name);

std::vector<std::string> known_checkpoints();

}  // namespace lockstep
