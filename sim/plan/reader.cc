#include "sim/plan/reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "sim/base/text.h"

namespace lockstep {
namespace {

std::string kind_text(const Node& node) {
  switch (node.kind) {
    case Node::Kind::null:
      return "nothing";
    case Node::Kind::sequence:
      return "a list";
    case Node::Kind::map:
      return "a map";
    default:
      return fmt::format("'{}'", node.text);
  }
}

}  // namespace

void NodeFaults::add(const Node& node, std::string message, std::string hint) {
  constexpr std::size_t kMostFaults = 100;
  if (faults_.size() < kMostFaults) {
    faults_.push_back(document_.fault(node, std::move(message), std::move(hint)));
  }
}

void NodeFaults::add_unknown(const Node& node, std::string_view what, const std::string& name,
                             const std::vector<std::string>& candidates) {
  constexpr std::size_t kFew = 20;
  std::string hint;
  if (const auto near = nearest(name, candidates)) {
    hint = fmt::format("did you mean {}?", *near);
  } else if (!candidates.empty() && candidates.size() <= kFew) {
    hint = "known: " + join(candidates, ", ");
  }
  add(node, fmt::format("unknown {} '{}'", what, name), std::move(hint));
}

Fields::Fields(const Node& map, NodeFaults& faults) : map_(map), faults_(faults) {
  if (!map.is_map()) faults.add(map, fmt::format("expected a map, not {}", kind_text(map)));
}

const Node* Fields::optional(std::string_view key) {
  asked_.emplace_back(key);
  return map_.find(key);
}

const Node* Fields::required(std::string_view key) {
  const Node* value = optional(key);
  if (value == nullptr && map_.is_map()) faults_.add(map_, fmt::format("'{}' is missing", key));
  return value;
}

std::string Fields::text(std::string_view key) {
  const Node* value = required(key);
  return value == nullptr ? std::string() : scalar_text(*value, faults_);
}

std::string Fields::text(std::string_view key, std::string fallback) {
  const Node* value = optional(key);
  return value == nullptr ? std::move(fallback) : scalar_text(*value, faults_);
}

bool Fields::boolean(std::string_view key, bool fallback) {
  const Node* value = optional(key);
  if (value == nullptr) return fallback;
  const std::optional<bool> read = value->as_bool();
  if (!read) {
    faults_.add(*value, fmt::format("{} is true or false, not {}", key, kind_text(*value)));
  }
  return read.value_or(fallback);
}

double Fields::number(std::string_view key, double fallback) {
  const Node* value = optional(key);
  if (value == nullptr) return fallback;
  const std::optional<double> read = value->as_number();
  if (!read) faults_.add(*value, fmt::format("{} is a number, not {}", key, kind_text(*value)));
  return read.value_or(fallback);
}

std::int64_t Fields::integer(std::string_view key, std::int64_t least, std::int64_t most) {
  const Node* value = required(key);
  return value == nullptr ? least : scalar_integer(*value, least, most, faults_);
}

std::int64_t Fields::integer_or(std::string_view key, std::int64_t fallback, std::int64_t least,
                                std::int64_t most) {
  const Node* value = optional(key);
  return value == nullptr ? fallback : scalar_integer(*value, least, most, faults_);
}

int Fields::int_or(std::string_view key, int fallback) {
  return static_cast<int>(
      integer_or(key, fallback, std::numeric_limits<int>::min(), std::numeric_limits<int>::max()));
}

std::size_t Fields::choice(std::string_view key, const std::vector<std::string>& names,
                           std::size_t fallback) {
  const Node* value = optional(key);
  if (value == nullptr) return fallback;
  const std::string name = scalar_text(*value, faults_);
  const auto found = std::ranges::find(names, name);
  if (found == names.end()) {
    if (value->is_scalar()) faults_.add_unknown(*value, key, name, names);
    return fallback;
  }
  return static_cast<std::size_t>(found - names.begin());
}

std::vector<const Node*> Fields::list(std::string_view key) {
  std::vector<const Node*> items;
  const Node* value = optional(key);
  if (value == nullptr) return items;
  if (!value->is_sequence()) {
    faults_.add(*value, fmt::format("{} is a list, not {}", key, kind_text(*value)));
    return items;
  }
  for (const Node& item : value->items) items.push_back(&item);
  return items;
}

void Fields::finish() {
  for (const Node& key : map_.keys) {
    const bool known = std::ranges::find(asked_, key.text) != asked_.end();
    if (!known) faults_.add_unknown(key, "key", key.text, asked_);
  }
}

std::string scalar_text(const Node& node, NodeFaults& faults) {
  if (!node.is_scalar()) faults.add(node, fmt::format("expected text, not {}", kind_text(node)));
  return node.text;
}

std::int64_t scalar_integer(const Node& node, std::int64_t least, std::int64_t most,
                            NodeFaults& faults) {
  const std::optional<std::int64_t> value = node.as_integer();
  if (value && *value >= least && *value <= most) return *value;
  faults.add(node, fmt::format("expected a whole number from {} to {}, not {}", least, most,
                               kind_text(node)));
  return least;
}

}  // namespace lockstep
