#include "sim/scenario/settings.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "sim/base/text.h"
#include "sim/cost/hardware_file.h"

namespace lockstep {
namespace {

constexpr std::size_t kDeepestPath = 16;

void set_line(Node& node, int line) {
  node.line = line;
  node.column = 0;
  for (Node& key : node.keys) key.line = line;
  for (Node& item : node.items) set_line(item, line);
}

bool names_a_preset(const Node& node, std::string_view path) {
  return node.is_scalar() && (path == "model" || path == "hardware");
}

// The map that a name at `path` stands for: {preset: NAME}, or {file: NAME} of a hardware file.
Node preset_map(Node name, std::string_view path) {
  Node key = name;
  key.text = path == "hardware" && names_hardware_file(name.text) ? "file" : "preset";
  Node map;
  map.kind = Node::Kind::map;
  map.line = name.line;
  map.column = name.column;
  map.keys.push_back(std::move(key));
  map.items.push_back(std::move(name));
  return map;
}

Node& child(Node& map, const std::string& name, const Node& maker) {
  for (std::size_t i = 0; i < map.keys.size(); ++i) {
    if (map.keys[i].text == name) return map.items[i];
  }
  Node key;
  key.kind = Node::Kind::scalar;
  key.text = name;
  key.line = maker.line;
  key.column = maker.column;
  map.keys.push_back(std::move(key));
  Node value;
  value.line = maker.line;
  value.column = maker.column;
  map.items.push_back(std::move(value));
  return map.items.back();
}

}  // namespace

std::vector<std::string> as_written(const std::vector<Setting>& settings) {
  std::vector<std::string> written;
  for (const Setting& setting : settings) {
    written.push_back(fmt::format("--set {}={}", setting.path, setting.value));
  }
  return written;
}

Result<Node*> node_to_set(Node& root, const std::string& path, const Node& maker) {
  const std::vector<std::string> parts = split(path, '.');
  if (parts.size() > kDeepestPath) return plain_fault("this path is too deep");
  Node* node = &root;
  std::string walked;
  for (const std::string& part : parts) {
    if (part.empty()) {
      return plain_fault("a path is names with dots between them",
                         "for example --set parallel.dp_size=4");
    }
    if (names_a_preset(*node, walked)) *node = preset_map(std::move(*node), walked);
    if (node->is_null()) node->kind = Node::Kind::map;
    if (node->is_map()) {
      node = &child(*node, part, maker);
    } else if (node->is_sequence()) {
      const auto index = parse_integer(part);
      const auto size = static_cast<long long>(node->items.size());
      if (!index || *index < 0 || *index >= size) {
        return plain_fault(
            fmt::format("'{}' has {} entries, counted from 0; '{}' is none", walked, size, part));
      }
      node = &node->items[static_cast<std::size_t>(*index)];
    } else {
      return plain_fault(fmt::format("'{}' is {}, so it has no '{}'", walked, shown(*node), part));
    }
    walked += (walked.empty() ? "" : ".") + part;
  }
  return node;
}

void apply_settings(Node& root, const std::vector<Setting>& settings, FaultList& faults) {
  const std::vector<std::string> written = as_written(settings);
  for (std::size_t i = 0; i < settings.size(); ++i) {
    const auto at_setting = [&](Diagnostic fault) {
      Diagnostic placed = plain_fault(std::move(fault.message), std::move(fault.hint));
      placed.place.file = written[i];
      return placed;
    };
    Node maker;
    maker.line = -static_cast<int>(i) - 1;
    Result<Document> value = parse_yaml(settings[i].value, written[i]);
    if (!value) {
      for (const Diagnostic& fault : value.faults()) {
        faults.add(at_setting(fault));
      }
      continue;
    }
    Result<Node*> node = node_to_set(root, settings[i].path, maker);
    if (!node) {
      faults.add(at_setting(node.faults().front()));
      continue;
    }
    set_line(value->root, maker.line);
    **node = std::move(value->root);
  }
}

void forget_settings(Node& node) {
  node.line = std::max(node.line, 0);
  for (Node& key : node.keys) key.line = std::max(key.line, 0);
  for (Node& item : node.items) forget_settings(item);
}

void remove_keys(Node& map, std::initializer_list<std::string_view> names) {
  for (const std::string_view name : names) {
    const auto found = std::ranges::find(map.keys, name, &Node::text);
    if (found == map.keys.end()) continue;
    map.items.erase(map.items.begin() + (found - map.keys.begin()));
    map.keys.erase(found);
  }
}

}  // namespace lockstep
