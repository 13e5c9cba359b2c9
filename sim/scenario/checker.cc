#include "sim/scenario/checker.h"

#include <fmt/format.h>

#include <algorithm>
#include <tuple>
#include <utility>

#include "sim/base/text.h"

namespace lockstep {
namespace {

constexpr std::size_t kMostFaults = 100;
constexpr std::size_t kLongestValue = 40;
constexpr std::size_t kMostListed = 16;

std::string shortened(std::string_view text) {
  if (text.size() <= kLongestValue) return std::string(text);
  std::size_t length = kLongestValue;
  while (length > 0 && (static_cast<unsigned char>(text[length]) & 0xC0u) == 0x80u) --length;
  return std::string(text.substr(0, length)) + "...";
}

std::string path_of(std::string_view section, std::string_view name) {
  return section.empty() ? std::string(name) : fmt::format("{}.{}", section, name);
}

}  // namespace

void FaultList::add(Diagnostic fault) {
  if (faults_.size() < kMostFaults) {
    faults_.push_back(std::move(fault));
  } else if (faults_.size() == kMostFaults) {
    Diagnostic more;
    more.place.file = faults_.front().place.file;
    more.message = fmt::format("more than {} faults; the rest is not listed", kMostFaults);
    faults_.push_back(std::move(more));
  }
}

void FaultList::add_all(const Diagnostics& faults) {
  for (const Diagnostic& fault : faults) add(fault);
}

Diagnostics FaultList::take_sorted() {
  const auto key = [](const Diagnostic& d) {
    return std::tuple(d.place.line <= 0, d.place.line, d.place.column);
  };
  std::ranges::stable_sort(
      faults_, [&](const Diagnostic& a, const Diagnostic& b) { return key(a) < key(b); });
  return std::move(faults_);
}

std::string shown(const Node& value) {
  switch (value.kind) {
    case Node::Kind::null:
      return "nothing";
    case Node::Kind::scalar:
      if (value.quoted) return fmt::format("the text \"{}\"", shortened(value.text));
      return fmt::format("'{}'", shortened(value.text));
    case Node::Kind::sequence:
      return "a list";
    case Node::Kind::map:
      return "a map";
  }
  return "nothing";
}

std::string suggestion(std::string_view name, const std::vector<std::string>& candidates) {
  if (const std::optional<std::string> near = nearest(name, candidates)) {
    return fmt::format("did you mean '{}'?", *near);
  }
  if (candidates.empty() || candidates.size() > kMostListed) return {};
  return "known: " + join(candidates, ", ");
}

Checker::Checker(const Document& document, FaultList& faults,
                 const std::vector<std::string>& settings)
    : document_(document), faults_(faults), settings_(settings) {}

void Checker::fault(const Node& node, std::string message, std::string hint) {
  Diagnostic fault = document_.fault(node, std::move(message), std::move(hint));
  if (node.line < 0) {
    fault.place = {settings_[static_cast<std::size_t>(-node.line - 1)], 0, 0};
  }
  faults_.add(std::move(fault));
}

void Checker::wrong_type(const Node& node, const Key& key) {
  fault(node, fmt::format("'{}' must be {}, not {}", key.name(), type_text(key), shown(node)));
}

bool Checker::is_map(const Node& node, std::string_view section) {
  if (node.is_map()) return true;
  fault(node, fmt::format("'{}' must be a map, not {}", section, shown(node)));
  return false;
}

std::string Checker::unknown_key_hint(const std::string& name, std::string_view section) const {
  for (const std::string& other : sections_with(name, section)) {
    if (other.empty()) return fmt::format("'{}' belongs at the top of the file", name);
    return fmt::format("'{}' belongs to '{}'", name, other);
  }
  return suggestion(name, names_in(section));
}

void Checker::refuse_unknown_keys(const Node& map, std::string_view section) {
  for (const Node& key : map.keys) {
    if (find_key(section, key.text) != nullptr) continue;
    const std::string where = section.empty() ? "a scenario" : fmt::format("'{}'", section);
    fault(key, fmt::format("unknown key '{}' in {}", shortened(key.text), where),
          unknown_key_hint(key.text, section));
  }
}

std::optional<std::int64_t> Checker::integer(const Node& value, const Key& key) {
  const std::optional<std::int64_t> number = value.as_integer();
  if (number && *number >= key.least && *number <= key.most) return number;
  wrong_type(value, key);
  return std::nullopt;
}

std::optional<std::string> Checker::text(const Node& value, const Key& key) {
  if (value.is_scalar()) return value.text;
  wrong_type(value, key);
  return std::nullopt;
}

std::optional<std::string> Checker::choice(const Node& value, const Key& key) {
  const std::vector<std::string> choices = choices_of(key);
  if (value.is_scalar() && std::ranges::find(choices, value.text) != choices.end()) {
    return value.text;
  }
  std::string hint;
  if (const auto near = value.is_scalar() ? nearest(value.text, choices) : std::nullopt) {
    hint = fmt::format("did you mean '{}'?", *near);
  }
  fault(value, fmt::format("'{}' must be {}, not {}", key.name(), type_text(key), shown(value)),
        std::move(hint));
  return std::nullopt;
}

void Checker::read(const Node& map, std::string_view section, std::string_view name, int& out) {
  const Node* value = map.find(name);
  if (value == nullptr) return;
  if (const auto number = integer(*value, key_at(path_of(section, name)))) {
    out = static_cast<int>(*number);
  }
}

void Checker::read(const Node& map, std::string_view section, std::string_view name,
                   std::uint64_t& out) {
  const Node* value = map.find(name);
  if (value == nullptr) return;
  if (const auto number = integer(*value, key_at(path_of(section, name)))) {
    out = static_cast<std::uint64_t>(*number);
  }
}

void Checker::read(const Node& map, std::string_view section, std::string_view name, bool& out) {
  const Node* value = map.find(name);
  if (value == nullptr) return;
  if (const std::optional<bool> truth = value->as_bool()) {
    out = *truth;
  } else {
    wrong_type(*value, key_at(path_of(section, name)));
  }
}

void Checker::read(const Node& map, std::string_view section, std::string_view name, double& out) {
  const Node* value = map.find(name);
  if (value == nullptr) return;
  if (const std::optional<double> number = value->as_number()) {
    out = *number;
  } else {
    wrong_type(*value, key_at(path_of(section, name)));
  }
}

void Checker::read(const Node& map, std::string_view section, std::string_view name,
                   std::string& out) {
  const Node* value = map.find(name);
  if (value == nullptr) return;
  const Key& key = key_at(path_of(section, name));
  const bool one_of = key.type == KeyType::choice;
  if (auto found = one_of ? choice(*value, key) : text(*value, key)) out = std::move(*found);
}

}  // namespace lockstep
