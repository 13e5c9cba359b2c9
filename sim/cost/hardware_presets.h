// The files of scenarios/hardware, built into the program so that it works from any directory.
#pragma once

#include <span>
#include <string_view>

namespace lockstep {

struct HardwarePreset {
  std::string_view name;  // "hgx-h200": the file's name without its extension
  std::string_view text;  // the file
};

// In the order of their names.
std::span<const HardwarePreset> hardware_presets();

}  // namespace lockstep
