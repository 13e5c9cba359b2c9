// One thing to say otherwise: a key of a scenario or a constant of a hardware file.
#pragma once

#include <string>

namespace lockstep {

// `--set path=value`: replaces or adds one key; the value is parsed as YAML.
struct Setting {
  std::string path;
  std::string value;
};

}  // namespace lockstep
