// Models of config.json files that a test writes, and of the tests' data.
#pragma once

#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "sim/scenario/scenario.h"

namespace lockstep::test {

inline Result<Scenario> with_config(const std::string& model) {
  return parse_scenario("lockstep: 1\nmodel: " + model + "\nbatch: {tokens: 1}\n",
                        "tests/scenario/data/s.yaml");
}

inline Model model_of(const std::string& model) {
  Result<Scenario> scenario = with_config(model);
  REQUIRE_MESSAGE(scenario, model << "\n" << to_string(scenario.faults()));
  return scenario->input.model;
}

// A config.json with `text` in the folder for temporary files, gone with the object.
class ConfigFile {
 public:
  ConfigFile(const std::string& name, const std::string& text)
      : path_(std::filesystem::temp_directory_path() / ("lockstep_config_test_" + name + ".json")) {
    std::ofstream(path_, std::ios::binary) << text;
  }
  ConfigFile(const ConfigFile&) = delete;
  ConfigFile& operator=(const ConfigFile&) = delete;
  ~ConfigFile() { std::filesystem::remove(path_); }

  std::string model() const { return "{config: \"" + path_.string() + "\"}"; }

 private:
  std::filesystem::path path_;
};

}  // namespace lockstep::test
