// Strict, typed reading of YAML maps: every fault is collected, and a key that nobody asked for is
// one.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sim/base/yaml.h"

namespace lockstep {

// The faults of one document. After a hundred it counts no more: the file is something else.
class NodeFaults {
 public:
  explicit NodeFaults(const Document& document) : document_(document) {}

  void add(const Node& node, std::string message, std::string hint = {});
  // "did you mean L0.mlp_out?", or the candidates where they are few.
  void add_unknown(const Node& node, std::string_view what, const std::string& name,
                   const std::vector<std::string>& candidates);
  bool empty() const { return faults_.empty(); }
  Diagnostics take() { return std::move(faults_); }

 private:
  const Document& document_;
  Diagnostics faults_;
};

// One map. Ask for each key once, then call finish(). A value that is wrong is a fault, and the
// fallback is returned; so is a missing value that has no fallback.
class Fields {
 public:
  Fields(const Node& map, NodeFaults& faults);

  const Node& node() const { return map_; }
  const Node* optional(std::string_view key);
  const Node* required(std::string_view key);

  std::string text(std::string_view key);
  std::string text(std::string_view key, std::string fallback);
  bool boolean(std::string_view key, bool fallback);
  double number(std::string_view key, double fallback);
  std::int64_t integer(std::string_view key, std::int64_t least, std::int64_t most);
  std::int64_t integer_or(std::string_view key, std::int64_t fallback, std::int64_t least,
                          std::int64_t most);
  int int_or(std::string_view key, int fallback);
  // The position of the value in `names`.
  std::size_t choice(std::string_view key, const std::vector<std::string>& names,
                     std::size_t fallback);
  // The items of a list; none where the key is absent.
  std::vector<const Node*> list(std::string_view key);

  // Faults for the keys that were never asked for.
  void finish();

 private:
  const Node& map_;
  NodeFaults& faults_;
  std::vector<std::string> asked_;
};

// The text of a scalar, a fault otherwise.
std::string scalar_text(const Node& node, NodeFaults& faults);
// An integer in [least, most], a fault and `least` otherwise.
std::int64_t scalar_integer(const Node& node, std::int64_t least, std::int64_t most,
                            NodeFaults& faults);

}  // namespace lockstep
