// The models of scenarios/models, built into the program so that it works from any directory.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace lockstep {

struct ModelPreset {
  std::string_view name;  // "kimi-k2.6": the file's name without its extension
  std::string_view text;  // the file
};

// In the order of their names.
std::span<const ModelPreset> model_presets();
std::vector<std::string> model_preset_names();

}  // namespace lockstep
