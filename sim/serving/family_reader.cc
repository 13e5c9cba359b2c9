// Reads a family file into a Family.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "sim/base/text.h"
#include "sim/serving/expression.h"
#include "sim/serving/family.h"
#include "sim/serving/sglang/rules.h"

namespace lockstep {
namespace {

using Names = std::vector<std::string>;

class FamilyReader {
 public:
  explicit FamilyReader(const Document& document) : document_(document) {}

  Result<Family> read() {
    const Node& root = document_.root;
    if (!known_keys(
            root, {"family", "about", "architectures", "file", "structure", "rules", "refuses"})) {
      return faults_;
    }
    Family family;
    family.name = required_text(root, "family");
    family.about = text(root, "about");
    family.file = text(root, "file");
    family.architectures = text_list(root, "architectures");
    if (const Node* structure = root.find("structure")) read_structure(*structure, family);
    if (const Node* rules = root.find("rules")) read_rules(*rules, family);
    if (const Node* refuses = root.find("refuses")) read_refusals(*refuses, family);
    if (!faults_.empty()) return faults_;
    return family;
  }

 private:
  void fault(const Node& node, std::string message, std::string hint = {}) {
    faults_.push_back(document_.fault(node, std::move(message), std::move(hint)));
  }

  static std::string did_you_mean(std::string_view name, const Names& known) {
    const auto near = nearest(name, known);
    return near ? fmt::format("did you mean '{}'?", *near) : "known: " + join(known, ", ");
  }

  // False if `map` is no map; unknown keys are faults.
  bool known_keys(const Node& map, const Names& keys) {
    if (!map.is_map()) {
      fault(map, "expected a map with the keys " + join(keys, ", "));
      return false;
    }
    for (const Node& key : map.keys) {
      if (std::ranges::find(keys, key.text) != keys.end()) continue;
      fault(key, fmt::format("unknown key '{}' in a family", key.text),
            did_you_mean(key.text, keys));
    }
    return true;
  }

  std::string text(const Node& map, std::string_view key) {
    const Node* value = map.find(key);
    if (value == nullptr) return {};
    if (value->is_scalar()) return value->text;
    fault(*value, fmt::format("'{}' must be text", key));
    return {};
  }

  std::string required_text(const Node& map, std::string_view key) {
    if (map.find(key) == nullptr) fault(map, fmt::format("'{}' is missing", key));
    return text(map, key);
  }

  Names text_list(const Node& map, std::string_view key) {
    const Node* value = map.find(key);
    if (value == nullptr) return {};
    Names items;
    for (const Node& item : value->items) {
      if (item.is_scalar()) items.push_back(item.text);
    }
    if (!value->is_sequence() || items.size() != value->items.size()) {
      fault(*value, fmt::format("'{}' must be a list of names", key));
    }
    return items;
  }

  // One of two words; `yes` tells whether it is the second.
  void read_choice(const Node& map, const char* key, const std::array<const char*, 2>& words,
                   bool& yes) {
    const Node* value = map.find(key);
    if (value == nullptr) return;
    yes = value->text == words[1];
    if (yes || value->text == words[0]) return;
    fault(*value, fmt::format("'{}' must be {} or {}", key, words[0], words[1]));
  }

  void read_structure(const Node& map, Family& family) {
    if (!known_keys(map, {"o_proj", "o_proj_bias", "qk_norm"})) return;
    read_choice(map, "o_proj", {"owes", "sums"}, family.o_proj_sums);
    read_choice(map, "o_proj_bias", {"none", "by_config"}, family.o_proj_bias);
    read_choice(map, "qk_norm", {"per_head", "all_heads"}, family.qk_norm_all_heads);
  }

  void read_rules(const Node& map, Family& family) {
    if (!map.is_map()) return fault(map, "'rules' must be a map from rules to their history");
    for (std::size_t i = 0; i < map.keys.size(); ++i) {
      const Node& name = map.keys[i];
      const Names known = sglang::rule_names();
      if (std::ranges::find(known, name.text) == known.end()) {
        fault(name, fmt::format("there is no rule '{}'", name.text),
              did_you_mean(name.text, known));
        continue;
      }
      family.rules.push_back(read_rule(name, map.items[i], family.file));
    }
  }

  // A rule's history as a list, or {function, file, history}.
  FamilyRule read_rule(const Node& name, const Node& value, const std::string& file) {
    FamilyRule rule{name.text, file, {}, {}};
    const Node* history = &value;
    if (value.is_map() && value.find("history") != nullptr) {
      known_keys(value, {"file", "function", "history"});
      if (value.find("file") != nullptr) rule.file = text(value, "file");
      rule.function = text(value, "function");
      history = value.find("history");
    }
    if (!history->is_sequence()) {
      fault(*history,
            fmt::format("'{}' must be a list such as [{{from: 24785, is: \"true\"}}]", name.text));
      return rule;
    }
    for (const Node& version : history->items) {
      rule.history.push_back(read_version(version));
      check_order(version, rule.history);
    }
    return rule;
  }

  void check_order(const Node& node, const std::vector<FamilyRuleVersion>& history) {
    const std::size_t count = history.size();
    if (count < 2 || history[count - 1].pull_request == 0) return;
    if (sglang::merged_before(history[count - 2].pull_request, history[count - 1].pull_request)) {
      return;
    }
    fault(node, fmt::format("#{} is not after #{} in merge order", history[count - 1].pull_request,
                            history[count - 2].pull_request));
  }

  FamilyRuleVersion read_version(const Node& map) {
    FamilyRuleVersion version;
    if (!known_keys(map, {"from", "by", "is", "fact", "architectures"})) return version;
    const Node* from = map.find("from");
    const Node* by = map.find("by");
    if ((from == nullptr) == (by == nullptr)) {
      fault(map,
            "a version needs either 'from' (the pull request that brought it) or 'by' (one at "
            "which it was in force already)");
      return version;
    }
    version.attributed = from != nullptr;
    version.pull_request = read_pull_request(from != nullptr ? *from : *by);
    version.expression = required_text(map, "is");
    version.fact = text(map, "fact");
    version.architectures = text_list(map, "architectures");
    check_expression(map, version.expression);
    return version;
  }

  int read_pull_request(const Node& node) {
    const auto number = node.as_integer();
    if (number && *number > 0 && *number < 1'000'000'000 &&
        sglang::is_timeline_entry(static_cast<int>(*number))) {
      return static_cast<int>(*number);
    }
    fault(node, fmt::format("'{}' is not a pull request of the rule timeline", node.text),
          "docs/sglang_rules.md lists them");
    return 0;
  }

  void check_expression(const Node& map, const std::string& text) {
    const Node* node = map.find("is") != nullptr ? map.find("is") : map.find("when");
    if (node == nullptr) return;
    const Result<Expression> parsed = Expression::parse(text);
    if (!parsed) fault(*node, parsed.faults().front().message, parsed.faults().front().hint);
  }

  void read_refusals(const Node& list, Family& family) {
    if (!list.is_sequence()) return fault(list, "'refuses' must be a list");
    for (const Node& item : list.items) {
      if (!known_keys(item, {"when", "key", "because"})) continue;
      family.refusals.push_back({required_text(item, "when"), required_text(item, "key"),
                                 required_text(item, "because")});
      check_expression(item, family.refusals.back().when);
    }
  }

  const Document& document_;
  Diagnostics faults_;
};

}  // namespace

Result<Family> read_family(const Document& document) { return FamilyReader(document).read(); }

}  // namespace lockstep
