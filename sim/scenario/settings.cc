#include "sim/scenario/settings.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "sim/base/text.h"

namespace lockstep {
namespace {

constexpr std::size_t kDeepestPath = 16;

Diagnostic refusal(const std::string& written, std::string message, std::string hint = {}) {
  Diagnostic fault;
  fault.place.file = written;
  fault.message = std::move(message);
  fault.hint = std::move(hint);
  return fault;
}

void set_line(Node& node, int line) {
  node.line = line;
  node.column = 0;
  for (Node& key : node.keys) key.line = line;
  for (Node& item : node.items) set_line(item, line);
}

bool names_a_preset(const Node& node, std::string_view path) {
  return node.is_scalar() && (path == "model" || path == "hardware");
}

Node preset_map(Node name) {
  Node key = name;
  key.text = "preset";
  Node map;
  map.kind = Node::Kind::map;
  map.line = name.line;
  map.column = name.column;
  map.keys.push_back(std::move(key));
  map.items.push_back(std::move(name));
  return map;
}

Node& child(Node& map, const std::string& name, int line) {
  for (std::size_t i = 0; i < map.keys.size(); ++i) {
    if (map.keys[i].text == name) return map.items[i];
  }
  Node key;
  key.kind = Node::Kind::scalar;
  key.text = name;
  key.line = line;
  map.keys.push_back(std::move(key));
  Node value;
  value.line = line;
  map.items.push_back(std::move(value));
  return map.items.back();
}

// Walks to `path`, making maps on the way; the fault's text where that is impossible.
Result<Node*> target(Node& root, const std::string& path, int line, const std::string& written) {
  const std::vector<std::string> parts = split(path, '.');
  if (parts.size() > kDeepestPath) return refusal(written, "this path is too deep");
  Node* node = &root;
  std::string walked;
  for (const std::string& part : parts) {
    if (part.empty()) {
      return refusal(written, "a path is names with dots between them",
                     "for example --set parallel.dp_size=4");
    }
    if (names_a_preset(*node, walked)) *node = preset_map(std::move(*node));
    if (node->is_null()) node->kind = Node::Kind::map;
    if (node->is_map()) {
      node = &child(*node, part, line);
    } else if (node->is_sequence()) {
      const auto index = parse_integer(part);
      const auto size = static_cast<long long>(node->items.size());
      if (!index || *index < 0 || *index >= size) {
        return refusal(written, fmt::format("'{}' has {} entries, counted from 0; '{}' is none",
                                            walked, size, part));
      }
      node = &node->items[static_cast<std::size_t>(*index)];
    } else {
      return refusal(written,
                     fmt::format("'{}' is {}, so it has no '{}'", walked, shown(*node), part));
    }
    walked += (walked.empty() ? "" : ".") + part;
  }
  return node;
}

}  // namespace

std::vector<std::string> as_written(const std::vector<Setting>& settings) {
  std::vector<std::string> written;
  for (const Setting& setting : settings) {
    written.push_back(fmt::format("--set {}={}", setting.path, setting.value));
  }
  return written;
}

void apply_settings(Node& root, const std::vector<Setting>& settings, FaultList& faults) {
  const std::vector<std::string> written = as_written(settings);
  for (std::size_t i = 0; i < settings.size(); ++i) {
    const int line = -static_cast<int>(i) - 1;
    Result<Document> value = parse_yaml(settings[i].value, written[i]);
    if (!value) {
      for (const Diagnostic& fault : value.faults()) {
        faults.add(refusal(written[i], fault.message, fault.hint));
      }
      continue;
    }
    Result<Node*> node = target(root, settings[i].path, line, written[i]);
    if (!node) {
      faults.add_all(node.faults());
      continue;
    }
    set_line(value->root, line);
    **node = std::move(value->root);
  }
}

void forget_settings(Node& node) {
  node.line = std::max(node.line, 0);
  for (Node& key : node.keys) key.line = std::max(key.line, 0);
  for (Node& item : node.items) forget_settings(item);
}

}  // namespace lockstep
