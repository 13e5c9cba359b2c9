#include "sim/scenario/sglang_arguments.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "sim/base/require.h"
#include "sim/base/text.h"

namespace lockstep {
namespace {

constexpr std::string_view kLater = "later:";

template <class Value>
struct Named {
  std::string_view name;
  Value value;
};

constexpr auto kForms = std::to_array<Named<ArgumentForm>>({{"value", ArgumentForm::value},
                                                            {"list", ArgumentForm::list},
                                                            {"optional", ArgumentForm::optional},
                                                            {"switch", ArgumentForm::none},
                                                            {"pair", ArgumentForm::pair},
                                                            {"any", ArgumentForm::any}});

constexpr auto kEffects = std::to_array<Named<ArgumentEffect>>({
    {"-", ArgumentEffect::ignored},
    {"refused", ArgumentEffect::refused},
    {"model", ArgumentEffect::model},
    {"nodes", ArgumentEffect::nodes},
    {"eager", ArgumentEffect::eager},
    {"decode_graph", ArgumentEffect::decode_graph},
    {"captured_sizes", ArgumentEffect::captured_sizes},
    {"sets", ArgumentEffect::sets},
    {"ep_is_tp", ArgumentEffect::ep_is_tp},
    {"config", ArgumentEffect::config},
    {"mixed_chunk", ArgumentEffect::mixed_chunk},
    {"pd_mode", ArgumentEffect::pd_mode},
});

template <class Table>
auto value_of(const Table& table, std::string_view name) {
  const auto found = std::ranges::find_if(table, [&](const auto& row) { return row.name == name; });
  LOCKSTEP_ASSERT(found != table.end());
  return found->value;
}

// Views of the table's own text.
std::vector<std::string_view> columns(std::string_view line) {
  std::vector<std::string_view> words;
  while (!line.empty()) {
    const std::size_t length = std::min(line.find(' '), line.size());
    if (length > 0) words.push_back(line.substr(0, length));
    line.remove_prefix(std::min(length + 1, line.size()));
  }
  return words;
}

std::string dashed(std::string_view name) {
  std::string text(name);
  std::ranges::replace(text, '_', '-');
  return text;
}

ServerArgument parse_row(const std::vector<std::string_view>& row) {
  constexpr std::size_t kFirstAlias = 4;
  LOCKSTEP_ASSERT(row.size() >= kFirstAlias);
  ServerArgument argument;
  argument.field = row[0];
  argument.later = row[1].starts_with(kLater);
  argument.form = value_of(kForms, argument.later ? row[1].substr(kLater.size()) : row[1]);
  const bool is_key = row[2].find('.') != std::string_view::npos;
  argument.effect = is_key ? ArgumentEffect::key : value_of(kEffects, row[2]);
  if (is_key) argument.key = row[2];
  if (row[3] != "-") argument.fallback = row[3] == "''" ? std::string_view() : row[3];
  argument.spellings.push_back(dashed(row[0]));
  for (std::size_t i = kFirstAlias; i < row.size(); ++i) {
    argument.spellings.push_back(dashed(row[i]));
  }
  if (argument.form == ArgumentForm::pair) {
    argument.spellings.push_back("no-" + argument.spellings[0]);
  }
  return argument;
}

std::vector<ServerArgument> parse_table(std::string_view text) {
  std::vector<ServerArgument> arguments;
  while (!text.empty()) {
    const std::size_t length = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, length);
    if (!line.empty() && line[0] != '#') arguments.push_back(parse_row(columns(line)));
    text.remove_prefix(std::min(length + 1, text.size()));
  }
  return arguments;
}

bool is_off_spelling(const ServerArgument& argument, std::string_view spelling) {
  return argument.form == ArgumentForm::pair && spelling.starts_with("no-");
}

// The spellings that `prefix` abbreviates, each with its argument.
using Spelling = std::pair<const ServerArgument*, std::string_view>;
std::vector<Spelling> abbreviated(std::string_view prefix, bool later) {
  std::vector<Spelling> found;
  for (const ServerArgument& argument : server_arguments()) {
    if (argument.later != later) continue;
    for (const std::string& spelling : argument.spellings) {
      if (spelling.starts_with(prefix)) found.emplace_back(&argument, spelling);
    }
  }
  return found;
}

}  // namespace

std::span<const ServerArgument> server_arguments() {
  static const std::vector<ServerArgument> arguments = parse_table(sglang_flags_table());
  return arguments;
}

const ServerArgument* find_server_argument(std::string_view name) {
  const std::string spelled = dashed(name);
  for (const ServerArgument& argument : server_arguments()) {
    for (const std::string& spelling : argument.spellings) {
      if (spelling == spelled && !is_off_spelling(argument, spelling)) return &argument;
    }
  }
  return nullptr;
}

ArgumentMatch match_server_argument(std::string_view name) {
  ArgumentMatch match;
  match.argument = find_server_argument(name);
  if (match.argument != nullptr || name.empty()) return match;
  const std::string prefix = dashed(name);
  std::vector<Spelling> found = abbreviated(prefix, false);
  if (found.empty()) found = abbreviated(prefix, true);
  if (found.empty()) return match;
  const bool one = std::ranges::all_of(found, [&](const Spelling& other) {
    return other.first == found[0].first && is_off_spelling(*other.first, other.second) ==
                                                is_off_spelling(*found[0].first, found[0].second);
  });
  if (one) {
    match.argument = found[0].first;
    match.off = is_off_spelling(*match.argument, found[0].second);
    return match;
  }
  for (const Spelling& spelling : found)
    match.candidates.push_back(fmt::format("--{}", spelling.second));
  return match;
}

bool is_default(const ServerArgument& argument, std::string_view value) {
  constexpr std::array<std::string_view, 6> kUnset{"", "None", "False", "false", "[]", "{}"};
  if (std::ranges::find(kUnset, value) != kUnset.end()) return true;
  for (const std::string& same : split(argument.fallback, '|')) {
    if (same == value) return true;
  }
  return false;
}

std::string nearest_server_argument(std::string_view name) {
  constexpr std::size_t kLongestName = 80;  // no name is longer, and comparing costs its square
  if (name.size() > kLongestName) return {};
  std::vector<std::string> names;
  for (const ServerArgument& argument : server_arguments()) {
    names.insert(names.end(), argument.spellings.begin(), argument.spellings.end());
  }
  const auto near = nearest(dashed(name), names);
  return near ? fmt::format("did you mean --{}?", *near) : std::string();
}

}  // namespace lockstep
