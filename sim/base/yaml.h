// YAML as this project accepts it: strict, with the place of every node, and safe on hostile input.
//
// Refused with a diagnostic: duplicate keys, keys that are not scalars, aliases and anchors, tags,
// several documents, nesting deeper than 64, more than 16 MiB of text or 2,000,000 nodes. Booleans
// are `true` and `false` only (YAML 1.2 core); `yes`, `no`, `on` and `off` stay text.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sim/base/error.h"

namespace lockstep {

// One node of a parsed file. A map keeps its keys in file order: `keys[i]` belongs to `items[i]`.
struct Node {
  enum class Kind : std::uint8_t { null, scalar, sequence, map };

  Kind kind = Kind::null;
  bool quoted = false;  // a quoted scalar is text, whatever it looks like
  std::string text;     // of a scalar
  int line = 0;         // from 1
  int column = 0;       // from 1
  std::vector<Node> items;
  std::vector<Node> keys;

  bool is_map() const { return kind == Kind::map; }
  bool is_sequence() const { return kind == Kind::sequence; }
  bool is_scalar() const { return kind == Kind::scalar; }
  bool is_null() const { return kind == Kind::null; }
  // The value of `key` in a map; nullptr if absent or not a map.
  const Node* find(std::string_view key) const;

  // Scalars by YAML 1.2's core schema; nullopt where the node is something else. Integers are
  // decimal and fit 64 bits.
  std::optional<bool> as_bool() const;
  std::optional<std::int64_t> as_integer() const;
  std::optional<double> as_number() const;
};

// A parsed file together with its text, so that a diagnostic can quote the line.
struct Document {
  std::string file;
  std::string text;
  Node root;

  // A diagnostic at `node`, with its line quoted.
  Diagnostic fault(const Node& node, std::string message, std::string hint = {}) const;
};

// Parses `text`; `file` is only quoted in diagnostics. JSON is accepted as YAML.
Result<Document> parse_yaml(std::string text, std::string file);
// The same from a file; an unreadable or oversized file is a diagnostic.
Result<Document> read_yaml(const std::string& path);

}  // namespace lockstep
