#include "sim/scenario/patch_edits.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "sim/base/text.h"

namespace lockstep {
namespace {

constexpr std::string_view kFix = "fix";
constexpr std::size_t kMostFaults = 100;
constexpr std::size_t kMostSuggested = 1000;

bool are_lines(const Node& value) {
  return value.is_sequence() && !value.items.empty() &&
         std::ranges::all_of(value.items, &Node::is_map);
}

}  // namespace

const Node* name_of(const Node& line) {
  const Node* name = line.find("name");
  return name != nullptr && name->is_scalar() ? name : nullptr;
}

PatchReader::PatchReader(Checker& checker, const Node& root)
    : checker_(checker), program_(root.find("program")) {
  if (program_ != nullptr && program_->is_sequence()) collect(*program_, named_);
  for (const auto& [name, lines] : named_) names_.push_back(name);
  if (names_.size() > kMostSuggested) names_.resize(kMostSuggested);
}

// `lines`, and the blocks (`do`, `else`) inside them: lists of lines too.
void PatchReader::collect(const Node& lines, LinesByName& named) {
  for (const Node& line : lines.items) {
    if (!line.is_map()) continue;
    if (const Node* name = name_of(line)) named[name->text].push_back(&line);
    for (const Node& value : line.items) {
      if (value.is_sequence()) collect(value, named);
    }
  }
}

Edits PatchReader::read(const Node& patch) {
  Edits edits;
  places_.clear();
  if (!checker_.is_map(patch, kFix)) return edits;
  const std::size_t before = checker_.faults_so_far();
  checker_.refuse_unknown_keys(patch, kFix);
  std::string about;
  checker_.read(patch, kFix, "about", about);
  check_set(patch);
  read_removed(patch, edits.removed);
  read_edit(patch, "replace", Node::Kind::map, edits.replaced);
  read_edit(patch, "before", Node::Kind::sequence, edits.before);
  read_edit(patch, "after", Node::Kind::sequence, edits.after);
  const Node* set = patch.find("set");
  const bool changes = !places_.empty() || (set != nullptr && !set->items.empty());
  if (!changes && checker_.faults_so_far() == before) {
    checker_.fault(
        patch, "this changes nothing: 'set', 'remove', 'replace', 'before' or 'after' is missing",
        "for example 'set: {serving.revision: \"24785\"}'");
  }
  check_exclusions(edits);
  return edits;
}

bool PatchReader::too_many() const { return checker_.faults_so_far() > kMostFaults; }

// True if exactly one line is called like `name`, which is then taken for the place of an edit.
bool PatchReader::is_one_line(const Node& name) {
  const auto found = named_.find(name.text);
  if (program_ == nullptr) {
    checker_.fault(name,
                   fmt::format("there is no line {}: this scenario has no 'program'", shown(name)),
                   "only 'set' changes a scenario without one");
  } else if (found == named_.end()) {
    checker_.fault(name, fmt::format("no line of the program has the name {}", shown(name)),
                   suggestion(name.text, names_));
  } else if (found->second.size() > 1) {
    const std::vector<const Node*>& lines = found->second;
    checker_.fault(
        name,
        fmt::format("{} lines of the program have the name {}: in lines {} and {}{}", lines.size(),
                    shown(name), lines[0]->line, lines[1]->line, lines.size() > 2 ? ", ..." : ""),
        "give one of them another name");
  } else {
    places_.emplace(name.text, &name);
    return true;
  }
  return false;
}

void PatchReader::check_set(const Node& patch) {
  static constexpr std::array<std::string_view, 5> kNotSet{"expect", "name", "bug", "fix",
                                                           "neighbours"};
  const Node* set = patch.find("set");
  if (set == nullptr) return;
  if (!set->is_map()) return checker_.wrong_type(*set, key_at("fix.set"));
  for (const Node& path : set->keys) {
    const std::string top = split(path.text, '.').front();
    if (top == "program") {
      checker_.fault(path, "'set' does not change the program's lines",
                     "'replace', 'remove', 'before' and 'after' do, by a line's 'name'");
    } else if (std::ranges::find(kNotSet, top) != kNotSet.end()) {
      checker_.fault(path, fmt::format("'set' does not change '{}'", top),
                     top == "expect" ? "write 'expect' beside 'set'" : "");
    }
  }
}

void PatchReader::read_removed(const Node& patch, LineEdits& removed) {
  const Node* list = patch.find("remove");
  if (list == nullptr) return;
  if (!list->is_sequence()) return checker_.wrong_type(*list, key_at("fix.remove"));
  for (const Node& name : list->items) {
    if (too_many()) return;
    if (!name.is_scalar()) {
      checker_.wrong_type(name, key_at("fix.remove"));
    } else if (is_one_line(name) && !removed.emplace(name.text, &name).second) {
      checker_.fault(name, fmt::format("{} is removed twice", shown(name)));
    }
  }
}

// `kind`: of each value: a line, or a list of lines.
void PatchReader::read_edit(const Node& patch, std::string_view key, Node::Kind kind,
                            LineEdits& edit) {
  const Node* map = patch.find(key);
  if (map == nullptr) return;
  const Key& known = key_at(fmt::format("{}.{}", kFix, key));
  if (!map->is_map()) return checker_.wrong_type(*map, known);
  for (std::size_t i = 0; i < map->keys.size() && !too_many(); ++i) {
    const Node& value = map->items[i];
    const bool right = kind == Node::Kind::map ? value.is_map() : are_lines(value);
    if (!right) {
      checker_.fault(
          value, fmt::format("'{}' must be {}, not {}", map->keys[i].text,
                             kind == Node::Kind::map ? "a line: a map" : "a list of lines: of maps",
                             shown(value)));
    } else if (is_one_line(map->keys[i])) {
      edit.emplace(map->keys[i].text, &value);
    }
  }
}

// A line is removed or replaced, and what is inside it has no edits of its own.
void PatchReader::check_exclusions(const Edits& edits) {
  for (const auto& [name, node] : edits.removed) {
    if (edits.replaced.contains(name)) {
      checker_.fault(*node, fmt::format("'{}' is removed and replaced", name), "keep one");
    }
    check_inside(name, edits);
  }
  for (const auto& [name, node] : edits.replaced) {
    if (!edits.removed.contains(name)) check_inside(name, edits);
  }
}

void PatchReader::check_inside(const std::string& outer, const Edits& edits) {
  LinesByName inside;
  for (const Node& value : named_.at(outer).front()->items) {
    if (value.is_sequence()) collect(value, inside);
  }
  const bool removed = edits.removed.contains(outer);
  for (const auto& [name, lines] : inside) {
    const auto place = places_.find(name);
    if (place == places_.end() || too_many()) continue;
    checker_.fault(*place->second, fmt::format("'{}' stands inside '{}', which is {}", name, outer,
                                               removed ? "removed" : "replaced"));
  }
}

}  // namespace lockstep
