#include "sim/scenario/bug.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

namespace lockstep {
namespace {

constexpr std::string_view kSection = "bug";
constexpr std::array<std::string_view, 6> kRequired{"id",     "source",    "system",
                                                    "family", "mechanism", "effect"};
constexpr std::array<std::string_view, 4> kNotSaid{"id", "source", "system", "missing"};

bool is_digit(char c) { return c >= '0' && c <= '9'; }

bool all_digits(std::string_view text) {
  return !text.empty() && text.size() <= 9 && std::ranges::all_of(text, is_digit);
}

// "C7": the family's letter and a number.
bool is_catalogue_id(std::string_view id) {
  return id.size() >= 2 && id[0] >= 'A' && id[0] <= 'Z' && all_digits(id.substr(1));
}

bool is_name(std::string_view text) {
  const auto allowed = [](char c) {
    return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' ||
           c == '_' || c == '.';
  };
  return !text.empty() && std::ranges::all_of(text, allowed);
}

// owner/repo#number
bool is_source(std::string_view text) {
  const std::size_t slash = text.find('/');
  const std::size_t mark = text.find('#');
  if (slash == std::string_view::npos || mark == std::string_view::npos || mark < slash) {
    return false;
  }
  return is_name(text.substr(0, slash)) && is_name(text.substr(slash + 1, mark - slash - 1)) &&
         all_digits(text.substr(mark + 1));
}

// Reports faults through `fault(node, message, hint)`.
template <class Fault>
std::vector<std::string> read_sources(const Node& value, const Fault& fault) {
  std::vector<std::string> sources;
  const auto read = [&](const Node& item) {
    if (item.is_scalar() && is_source(item.text)) {
      sources.push_back(item.text);
    } else {
      fault(item, "'source' must be owner/repo#number, or a list of them, not " + shown(item),
            "for example sgl-project/sglang#24785");
    }
  };
  if (value.is_sequence() && !value.items.empty()) {
    for (const Node& item : value.items) read(item);
  } else {
    read(value);
  }
  return sources;
}

template <class Fault>
void check_id(const Node& map, bool may_be_outside, const Fault& fault) {
  const Node* id = map.find("id");
  if (id == nullptr || (id->is_scalar() && is_catalogue_id(id->text))) return;
  if (may_be_outside && id->is_scalar() && id->text == kOutside) return;
  fault(*id,
        fmt::format("'id' must be a letter and a number{}, not {}",
                    may_be_outside ? ", or 'outside'" : "", shown(*id)),
        "for example C7");
}

template <std::size_t N, class Fault>
void require_keys(const Node& map, const std::array<std::string_view, N>& names,
                  const Fault& fault) {
  for (const std::string_view name : names) {
    if (map.find(name) == nullptr) fault(map, fmt::format("'{}' is missing", name), "");
  }
}

// One entry of the list; the caller checked that it is a map.
template <class Fault>
NotSaid read_entry(const Node& map, const Fault& fault) {
  const std::vector<std::string> known(kNotSaid.begin(), kNotSaid.end());
  NotSaid entry;
  for (std::size_t i = 0; i < map.keys.size(); ++i) {
    const std::string& name = map.keys[i].text;
    const Node& value = map.items[i];
    if (name == "source") {
      entry.sources = read_sources(value, fault);
    } else if (std::ranges::find(known, name) == known.end()) {
      fault(map.keys[i], "unknown key " + shown(map.keys[i]), suggestion(name, known));
    } else if (!value.is_scalar()) {
      fault(value, fmt::format("'{}' must be text, not {}", name, shown(value)), "");
    } else {
      (name == "id" ? entry.id : name == "system" ? entry.system : entry.missing) = value.text;
    }
  }
  require_keys(map, kNotSaid, fault);
  check_id(map, false, fault);
  return entry;
}

}  // namespace

std::optional<Bug> read_bug(Checker& checker, const Node& root) {
  const Node* map = root.find(kSection);
  if (map == nullptr || !checker.is_map(*map, kSection)) return std::nullopt;
  const auto fault = [&](const Node& node, std::string message, std::string hint) {
    checker.fault(node, std::move(message), std::move(hint));
  };
  Bug bug;
  checker.refuse_unknown_keys(*map, kSection);
  require_keys(*map, kRequired, fault);
  checker.read(*map, kSection, "id", bug.id);
  check_id(*map, true, fault);
  if (const Node* source = map->find("source")) bug.sources = read_sources(*source, fault);
  checker.read(*map, kSection, "system", bug.system);
  checker.read(*map, kSection, "family", bug.family);
  checker.read(*map, kSection, "mechanism", bug.mechanism);
  checker.read(*map, kSection, "effect", bug.effect);
  checker.read(*map, kSection, "symptom", bug.symptom);
  checker.read(*map, kSection, "partly", bug.partly);
  if (root.find("expect") == nullptr) {
    checker.fault(*map, "a scenario with 'bug' needs 'expect': what is found",
                  "for example 'expect: {verdict: violated}'");
  }
  return bug;
}

Result<std::vector<NotSaid>> parse_not_said(const Document& document) {
  FaultList faults;
  const auto fault = [&](const Node& node, std::string message, std::string hint) {
    faults.add(document.fault(node, std::move(message), std::move(hint)));
  };
  std::vector<NotSaid> entries;
  if (!document.root.is_sequence()) {
    fault(document.root, "this must be a list of {id, source, system, missing}", "");
  }
  for (const Node& item : document.root.items) {
    if (document.root.is_sequence() && !item.is_map()) {
      fault(item, "an entry must be a map, not " + shown(item), "");
    } else if (document.root.is_sequence()) {
      entries.push_back(read_entry(item, fault));
    }
  }
  if (!faults.empty()) return faults.take_sorted();
  return entries;
}

}  // namespace lockstep
