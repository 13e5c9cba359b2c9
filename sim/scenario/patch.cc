#include "sim/scenario/patch.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <utility>

#include "sim/scenario/expect_section.h"
#include "sim/scenario/patch_edits.h"
#include "sim/scenario/settings.h"

namespace lockstep {
namespace {

using Kind = Variant::Kind;

constexpr std::string_view kFix = "fix";
constexpr std::string_view kNeighbours = "neighbours";
constexpr std::size_t kMostNeighbours = 64;

void append(const LineEdits& edit, const Node* name, Node& lines) {
  const auto found = name == nullptr ? edit.end() : edit.find(name->text);
  if (found == edit.end()) return;
  lines.items.insert(lines.items.end(), found->second->items.begin(), found->second->items.end());
}

// The lines of a list, with those of the blocks inside them, after the edits.
Node edited(const Node& list, const Edits& edits) {
  Node lines = list;
  lines.items.clear();
  for (const Node& line : list.items) {
    const Node* name = name_of(line);
    const auto has = [&](const LineEdits& edit) {
      return name != nullptr && edit.contains(name->text);
    };
    append(edits.before, name, lines);
    if (has(edits.replaced)) {
      lines.items.push_back(*edits.replaced.at(name->text));
    } else if (!has(edits.removed)) {
      lines.items.push_back(line);
      if (line.is_map()) {
        for (Node& value : lines.items.back().items) {
          if (value.is_sequence()) value = edited(value, edits);
        }
      }
    }
    append(edits.after, name, lines);
  }
  return lines;
}

const Node* node_of(const Node& root, const Variant& variant) {
  if (variant.kind == Kind::fixed) return root.find(kFix);
  const Node* list = root.find(kNeighbours);
  const auto index = static_cast<std::size_t>(variant.number) - 1;
  const bool there =
      list != nullptr && list->is_sequence() && variant.number >= 1 && index < list->items.size();
  return there ? &list->items[index] : nullptr;
}

Diagnostic no_such_patch(const Document& document, const Variant& variant) {
  if (variant.kind == Kind::fixed) {
    return document.fault(document.root, "this file has no 'fix'",
                          "write one, such as 'fix: {set: {serving.revision: latest}}', or take "
                          "the file as it is");
  }
  const Node* list = document.root.find(kNeighbours);
  const std::size_t count = list == nullptr ? 0 : list->items.size();
  return document.fault(
      list == nullptr ? document.root : *list,
      count == 0 ? "this file has no 'neighbours'"
                 : fmt::format("this file has {} neighbour{}, counted from 1; {} is none", count,
                               count == 1 ? "" : "s", variant.number),
      count == 0 ? "write one, such as 'neighbours: [{set: {parallel.ep_size: 1}}]', or take the "
                   "file as it is"
                 : "");
}

Node text_node(std::string text, const Node& place) {
  Node node;
  node.kind = Node::Kind::scalar;
  node.text = std::move(text);
  node.line = place.line;
  node.column = place.column;
  return node;
}

// Gives the map `root` the value for `name`, at its place or at the end.
void put(Node& root, const std::string& name, Node value) {
  const auto found = std::ranges::find(root.keys, name, &Node::text);
  if (found != root.keys.end()) {
    root.items[static_cast<std::size_t>(found - root.keys.begin())] = std::move(value);
    return;
  }
  root.keys.push_back(text_node(name, value));
  root.items.push_back(std::move(value));
}

Node expectation(const Node& patch) {
  if (const Node* expect = patch.find("expect")) return *expect;
  Node map = text_node("", patch);
  map.kind = Node::Kind::map;
  put(map, "verdict", text_node("holds", patch));
  return map;
}

void apply_set(Node& root, const Node& patch, Checker& checker) {
  const Node* set = patch.find("set");
  if (set == nullptr) return;
  for (std::size_t i = 0; i < set->keys.size(); ++i) {
    Result<Node*> node = node_to_set(root, set->keys[i].text, set->keys[i]);
    if (node) {
      **node = set->items[i];
    } else {
      const Diagnostic& refusal = node.faults().front();
      checker.fault(set->keys[i], refusal.message, refusal.hint);
    }
  }
}

std::string name_of_scenario(const Document& document) {
  if (const Node* name = name_of(document.root)) return name->text;
  return std::filesystem::path(document.file).stem().string();
}

}  // namespace

std::string suffix(const Variant& variant) {
  switch (variant.kind) {
    case Kind::as_written:
      return "";
    case Kind::fixed:
      return " (fixed)";
    case Kind::neighbour:
      return fmt::format(" (neighbour {})", variant.number);
  }
  return "";
}

std::vector<Patch> patches_of(const Node& root) {
  std::vector<Patch> patches;
  const auto add = [&](Kind kind, int number, const Node& patch) {
    const Node* about = patch.find("about");
    const bool is_text = about != nullptr && about->is_scalar();
    patches.push_back({{kind, number}, is_text ? about->text : std::string()});
  };
  if (const Node* fix = root.find(kFix)) add(Kind::fixed, 0, *fix);
  const Node* list = root.find(kNeighbours);
  if (list == nullptr || !list->is_sequence()) return patches;
  for (std::size_t i = 0; i < list->items.size() && i < kMostNeighbours; ++i) {
    add(Kind::neighbour, static_cast<int>(i) + 1, list->items[i]);
  }
  return patches;
}

void check_patches(Checker& checker, const Node& root) {
  const Node* fix = root.find(kFix);
  const Node* list = root.find(kNeighbours);
  if (fix == nullptr && list == nullptr) return;
  PatchReader reader(checker, root);
  const auto check = [&](const Node& patch) {
    (void)reader.read(patch);
    if (const Node* expect = patch.find("expect")) (void)read_expectation(checker, *expect);
  };
  if (fix != nullptr) check(*fix);
  if (list == nullptr) return;
  if (!list->is_sequence()) return checker.wrong_type(*list, key_at(kNeighbours));
  if (list->items.size() > kMostNeighbours) {
    checker.fault(*list, fmt::format("more than {} neighbours", kMostNeighbours));
    return;
  }
  for (const Node& patch : list->items) check(patch);
}

Result<Document> patched(Document document, const Variant& variant) {
  if (variant.kind == Kind::as_written) return document;
  const Node* patch = node_of(document.root, variant);
  if (patch == nullptr) return no_such_patch(document, variant);
  FaultList faults;
  const std::vector<std::string> no_settings;
  Checker checker(document, faults, no_settings);
  const Edits edits = PatchReader(checker, document.root).read(*patch);
  if (!faults.empty()) return faults.take_sorted();
  Node root = document.root;
  const Node* program = document.root.find("program");
  if (program != nullptr && program->is_sequence()) put(root, "program", edited(*program, edits));
  apply_set(root, *patch, checker);
  if (!faults.empty()) return faults.take_sorted();
  put(root, "expect", expectation(*patch));
  put(root, "name", text_node(name_of_scenario(document) + suffix(variant), *patch));
  remove_keys(root, {"bug", "fix", "neighbours"});
  document.root = std::move(root);
  return document;
}

}  // namespace lockstep
