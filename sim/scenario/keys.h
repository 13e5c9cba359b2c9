// Every key that a scenario file may hold: one table, from which unknown keys are refused, values
// are checked, and both docs/scenario_format.md and scenarios/schema.json are printed.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace lockstep {

enum class KeyType : std::uint8_t {
  text,
  integer,  // Key::least to Key::most
  number,
  boolean,
  choice,           // one of Key::choices
  toggle,           // auto, true or false
  map,              // of the keys below its path
  text_map,         // name: expression
  preset_or_map,    // a preset's name, or the keys below its path
  revision,         // text or a pull request's number
  integer_or_list,  // one, or one per attention-DP shard
  choice_or_list,   // one, or one per attention-DP shard
  integer_list,
  text_list,
  requests,    // one list of requests per attention-DP shard
  batches,     // a list of maps with the keys of `batch`
  layers,      // 3, 0-60 or [0, 1, 2]
  factor,      // 8, "1/4"
  violations,  // a list of maps with the keys of `expect.first`
  program,     // as the section "Programs" of docs/scenario_format.md says
  text_or_list,
  settings,     // a map of paths, as of --set, to values
  line_map,     // a map of names of program lines to lines
  lines_map,    // a map of names of program lines to lists of lines
  expectation,  // a map with the keys of `expect`
  patches,      // a list of maps with the keys of `fix`
};

struct Key {
  std::string_view path;  // "parallel.tp_size"; keys of a list's items stand below the list's path
  KeyType type = KeyType::text;
  std::int64_t least = 0;
  std::int64_t most = 0;
  std::string_view choices;   // "extend|decode|idle"
  std::string_view fallback;  // the value of an absent key; "required"; "" for none
  std::string_view unit;
  std::string_view source;  // where the key and its meaning come from
  std::string_view meaning;

  std::string_view section() const;  // "parallel"; "" at the top
  std::string_view name() const;     // "tp_size"
};

// In the order of the documentation.
std::span<const Key> all_keys();
// REQUIRES: there is such a key.
const Key& key_at(std::string_view path);
// nullptr if `section` has no such key.
const Key* find_key(std::string_view section, std::string_view name);
// The names of the keys in `section`, in table order.
std::vector<std::string> names_in(std::string_view section);
// The sections, other than `section`, that have a key `name`.
std::vector<std::string> sections_with(std::string_view name, std::string_view section);
std::vector<std::string> choices_of(const Key& key);

// "integer from 1 to 65536": completes the sentence "must be ...".
std::string type_text(const Key& key);

// The table of docs/scenario_format.md (Markdown).
std::string key_table();
// scenarios/schema.json (JSON Schema 2020-12), with a final newline.
std::string json_schema();

}  // namespace lockstep
