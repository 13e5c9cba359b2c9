// From the maps of a hardware file to constants. Both hardware files and the key `hardware` of
// scenarios are read by it.
#pragma once

#include <functional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "sim/base/yaml.h"
#include "sim/cost/hardware.h"

namespace lockstep {

class HardwareReader {
 public:
  // Called for every fault: what is wrong with the node, and what to do.
  using Report = std::function<void(const Node& node, std::string message, std::string hint)>;

  // `hardware` holds what is not said; both must outlive the reader.
  HardwareReader(Hardware& hardware, Report report);

  // True for a key that read() takes: "name", "generation", "sources", or the first part of a path
  // of constants.
  bool takes(std::string_view key) const;
  // The names of those keys, in the order of a file.
  std::vector<std::string> keys() const;
  // Reads the value of such a key.
  void read(const Node& key, const Node& value);

  // The paths of the constants that were read.
  const std::set<std::string>& said() const { return said_; }
  // Gives each constant that was read the source that its own file says, or else `otherwise`, and
  // keeps those of `base` for the rest. Call it after the last read().
  void settle_sources(const Hardware& base, const std::string& otherwise);

 private:
  void read_text(const Node& key, const Node& value, std::string& out);
  void read_generation(const Node& key, const Node& value);
  void read_sources(const Node& map);
  void read_constants(const Node& map, const std::string& path);
  void read_constant(const Node& value, const HardwareField& field);
  const HardwareField* field_at(std::string_view path) const;
  // The names that may follow `path`.
  std::vector<std::string> names_below(std::string_view path) const;

  Hardware& hardware_;
  Report report_;
  std::vector<HardwareField> fields_;
  std::set<std::string> said_;
  std::vector<std::pair<std::string, std::string>> sources_;  // of this file alone
};

// "did you mean 'x'?", or the candidates if none is near.
std::string hint_for(const std::string& name, const std::vector<std::string>& candidates);

}  // namespace lockstep
