#include "sim/cost/hardware_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

#include "sim/base/text.h"

namespace lockstep {
namespace {

constexpr auto kTexts = std::to_array<std::string_view>({"name", "about", "accuracy"});
constexpr auto kGenerations =
    std::to_array<std::string_view>({"ampere", "hopper", "blackwell", "none"});
constexpr std::size_t kMostListed = 16;
constexpr std::size_t kMostText = 2000;

using Entry = std::pair<std::string, std::string>;

bool below(std::string_view path, std::string_view prefix) {
  return path.size() > prefix.size() && path.starts_with(prefix) && path[prefix.size()] == '.';
}

std::string shown(const Node& node) {
  switch (node.kind) {
    case Node::Kind::null:
      return "nothing";
    case Node::Kind::scalar:
      return fmt::format("'{}'", node.text.substr(0, 40));
    case Node::Kind::sequence:
      return "a list";
    case Node::Kind::map:
      return "a map";
  }
  return "nothing";
}

bool is_whole(double value) { return value == std::floor(value); }

}  // namespace

std::string hint_for(const std::string& name, const std::vector<std::string>& candidates) {
  if (const auto near = nearest(name, candidates)) return fmt::format("did you mean '{}'?", *near);
  if (candidates.empty() || candidates.size() > kMostListed) return {};
  return "known: " + join(candidates, ", ");
}

HardwareReader::HardwareReader(Hardware& hardware, Report report)
    : hardware_(hardware), report_(std::move(report)), fields_(all_hardware_fields()) {}

std::vector<std::string> HardwareReader::keys() const {
  std::vector<std::string> keys(kTexts.begin(), kTexts.end());
  keys.emplace_back("generation");
  for (std::string& name : names_below("")) keys.push_back(std::move(name));
  keys.emplace_back("sources");
  return keys;
}

bool HardwareReader::takes(std::string_view key) const {
  const std::vector<std::string> all = keys();
  return std::ranges::find(all, key) != all.end();
}

void HardwareReader::read(const Node& key, const Node& value) {
  if (key.text == "name") return read_text(key, value, hardware_.name);
  if (key.text == "about") return read_text(key, value, hardware_.about);
  if (key.text == "accuracy") return read_text(key, value, hardware_.accuracy);
  if (key.text == "generation") return read_generation(key, value);
  if (key.text == "sources") return read_sources(value);
  read_constants(value, key.text);
}

void HardwareReader::read_text(const Node& key, const Node& value, std::string& out) {
  if (value.is_scalar() && value.text.size() <= kMostText) {
    out = value.text;
  } else {
    report_(value,
            fmt::format("'{}' must be text of at most {} characters, not {}", key.text, kMostText,
                        shown(value)),
            {});
  }
}

void HardwareReader::read_generation(const Node& key, const Node& value) {
  const std::vector<std::string> known(kGenerations.begin(), kGenerations.end());
  if (value.is_scalar() && std::ranges::find(known, value.text) != known.end()) {
    hardware_.generation = value.text;
  } else {
    report_(
        value,
        fmt::format("'{}' must be one of {}, not {}", key.text, join(known, ", "), shown(value)),
        {});
  }
}

void HardwareReader::read_sources(const Node& map) {
  if (!map.is_map()) {
    return report_(map, fmt::format("'sources' must be a map, not {}", shown(map)),
                   "for example {node.nic_GBps: \"measured with ib_write_bw\"}");
  }
  for (std::size_t i = 0; i < map.keys.size(); ++i) {
    const std::string& path = map.keys[i].text;
    const bool covers = std::ranges::any_of(fields_, [&](const HardwareField& field) {
      return field.path == path || below(field.path, path);
    });
    if (!covers) {
      report_(map.keys[i], fmt::format("'{}' is neither a constant nor a part of them", path),
              "docs/hardware.md lists the paths");
    }
    std::string text;
    read_text(map.keys[i], map.items[i], text);
    sources_.emplace_back(path, std::move(text));
  }
}

void HardwareReader::read_constants(const Node& map, const std::string& path) {
  if (!map.is_map()) {
    return report_(map, fmt::format("'{}' must be a map of constants, not {}", path, shown(map)),
                   hint_for({}, names_below(path)));
  }
  for (std::size_t i = 0; i < map.keys.size(); ++i) {
    const std::string& name = map.keys[i].text;
    const std::string child = fmt::format("{}.{}", path, name);
    if (const HardwareField* field = field_at(child)) {
      read_constant(map.items[i], *field);
    } else if (!names_below(child).empty()) {
      read_constants(map.items[i], child);
    } else {
      report_(map.keys[i], fmt::format("'{}' has no constant '{}'", path, name),
              hint_for(name, names_below(path)));
    }
  }
}

void HardwareReader::read_constant(const Node& value, const HardwareField& field) {
  const std::optional<double> number = value.as_number();
  const bool whole = field.unit == "count";
  const bool fits =
      number && *number >= field.least && *number <= field.most && (!whole || is_whole(*number));
  if (!fits) {
    report_(value,
            fmt::format("'{}' must be {} from {} to {}, not {}", field.path,
                        whole ? "an integer" : "a number", field.least, field.most, shown(value)),
            fmt::format("{}; in {}", field.meaning, field.unit));
    return;
  }
  field.of(hardware_) = *number;
  said_.emplace(field.path);
}

void HardwareReader::settle_sources(const Hardware& base, const std::string& otherwise) {
  Hardware own;
  own.sources = sources_;
  hardware_.sources = sources_;
  for (const HardwareField& field : fields_) {
    const std::string path(field.path);
    const bool own_entry = std::ranges::find(sources_, path, &Entry::first) != sources_.end();
    if (own_entry) continue;
    std::string text = said_.contains(path) ? source_of(own, path) : source_of(base, path);
    if (text.empty() && said_.contains(path)) text = otherwise;
    if (!text.empty() && source_of(hardware_, path) != text) {
      hardware_.sources.emplace_back(path, std::move(text));
    }
  }
}

const HardwareField* HardwareReader::field_at(std::string_view path) const {
  const auto found = std::ranges::find(fields_, path, &HardwareField::path);
  return found == fields_.end() ? nullptr : &*found;
}

std::vector<std::string> HardwareReader::names_below(std::string_view path) const {
  std::vector<std::string> names;
  for (const HardwareField& field : fields_) {
    if (!path.empty() && !below(field.path, path)) continue;
    const std::string_view rest = path.empty() ? field.path : field.path.substr(path.size() + 1);
    std::string name(rest.substr(0, rest.find('.')));
    if (std::ranges::find(names, name) == names.end()) names.push_back(std::move(name));
  }
  return names;
}

}  // namespace lockstep
