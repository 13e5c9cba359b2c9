// Where the bug that a scenario shows comes from, and bugs that no scenario can show yet.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "sim/base/error.h"
#include "sim/scenario/checker.h"

namespace lockstep {

// The `bug` key. Texts are quoted from the source, not from what the checker finds.
struct Bug {
  std::string id;                    // in the catalogue: C7; or kOutside
  std::vector<std::string> sources;  // owner/repo#number, at least one
  std::string system;
  std::string family;
  std::string mechanism;
  std::string effect;
  std::optional<std::string> symptom;
  std::optional<std::string> partly;  // the part of the cause that the file leaves out
  bool operator==(const Bug&) const = default;
};

inline constexpr std::string_view kOutside = "outside";  // the id of what the catalogue has not

// A bug of the catalogue that no scenario can show, and the feature that it would need.
struct NotSaid {
  std::string id;
  std::vector<std::string> sources;
  std::string system;
  std::string missing;
  bool operator==(const NotSaid&) const = default;
};

// The `bug` of the scenario `root`; nullopt if it has none. Faults are reported.
std::optional<Bug> read_bug(Checker& checker, const Node& root);

// A list of maps with the keys id, source, system and missing, all required.
Result<std::vector<NotSaid>> parse_not_said(const Document& document);

}  // namespace lockstep
