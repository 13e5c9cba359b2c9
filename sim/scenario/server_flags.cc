#include "sim/scenario/server_flags.h"

#include <fmt/format.h>

#include <filesystem>
#include <utility>

namespace lockstep {
namespace {

std::optional<FlagValue> flag_value(Checker& checker, const Node& value, const Key& key) {
  if (key.type == KeyType::boolean) {
    const std::optional<bool> truth = value.as_bool();
    if (!truth) checker.wrong_type(value, key);
    return truth ? std::optional<FlagValue>(*truth) : std::nullopt;
  }
  if (key.type == KeyType::integer) {
    const auto number = checker.integer(value, key);
    return number ? std::optional<FlagValue>(*number) : std::nullopt;
  }
  auto text = key.type == KeyType::choice ? checker.choice(value, key) : checker.text(value, key);
  return text ? std::optional<FlagValue>(std::move(*text)) : std::nullopt;
}

void read_flags(Checker& checker, const Node& flags, ServingSpec& serving) {
  constexpr std::string_view kSection = "serving.flags";
  if (!checker.is_map(flags, kSection)) return;
  checker.refuse_unknown_keys(flags, kSection);
  for (std::size_t i = 0; i < flags.keys.size(); ++i) {
    const Key* key = find_key(kSection, flags.keys[i].text);
    if (key == nullptr) continue;
    if (auto value = flag_value(checker, flags.items[i], *key)) {
      serving.flags.emplace(flags.keys[i].text, std::move(*value));
    }
  }
}

void read_env(Checker& checker, const Node& env, ServingSpec& serving) {
  constexpr std::string_view kSection = "serving.env";
  if (!checker.is_map(env, kSection)) return;
  checker.refuse_unknown_keys(env, kSection);
  for (std::size_t i = 0; i < env.keys.size(); ++i) {
    const Key* key = find_key(kSection, env.keys[i].text);
    if (key == nullptr) continue;
    if (auto value = checker.text(env.items[i], *key)) {
      serving.env.emplace(env.keys[i].text, std::move(*value));
    }
  }
}

void read_rules(Checker& checker, const Node& rules, ServingSpec& serving) {
  if (!checker.is_map(rules, "serving.rules")) return;
  for (std::size_t i = 0; i < rules.keys.size(); ++i) {
    const Node& expression = rules.items[i];
    if (!expression.is_scalar()) {
      checker.fault(expression,
                    fmt::format("the rule '{}' must be an expression, not {}", rules.keys[i].text,
                                shown(expression)),
                    "for example \"padding == max_len\"");
      continue;
    }
    serving.rules.emplace(rules.keys[i].text, expression.text);
  }
}

// A model family described beside the scenario. Its own faults have their places in that file.
void read_family_file(Checker& checker, const Node& name, ServingSpec& serving) {
  const Key& key = key_at("serving.family");
  if (!name.is_scalar()) return checker.wrong_type(name, key);
  const std::filesystem::path beside = std::filesystem::path(checker.document().file).parent_path();
  const std::string file = (beside / name.text).string();
  const Result<Document> document = read_yaml(file);
  if (!document) {
    for (const Diagnostic& fault : document.faults()) {
      checker.fault(name, fmt::format("{}: {}", file, fault.message),
                    "the path is relative to the scenario");
    }
    return;
  }
  Result<Family> family = read_family(*document);
  if (family) {
    serving.family = std::move(*family);
  } else {
    checker.add_all(family.faults());
  }
}

void read_changes(Checker& checker, const Node& map, const char* name, std::vector<int>& changes) {
  const Node* list = map.find(name);
  if (list == nullptr) return;
  const Key& key = key_at(fmt::format("serving.{}", name));
  if (!list->is_sequence()) return checker.wrong_type(*list, key);
  constexpr std::size_t kMost = 256;  // the timeline has fewer
  if (list->items.size() > kMost) {
    return checker.fault(
        *list, fmt::format("'{}' has {} entries; at most {}", name, list->items.size(), kMost));
  }
  for (const Node& item : list->items) {
    const auto number = checker.integer(item, key);
    if (number) changes.push_back(static_cast<int>(*number));
  }
}

}  // namespace

ServingSpec read_serving(Checker& checker, const Node& root) {
  ServingSpec serving;
  const Node* map = root.find("serving");
  if (map == nullptr || !checker.is_map(*map, "serving")) return serving;
  checker.refuse_unknown_keys(*map, "serving");
  checker.read(*map, "serving", "system", serving.system);
  checker.read(*map, "serving", "revision", serving.revision);
  read_changes(checker, *map, "with", serving.with);
  read_changes(checker, *map, "without", serving.without);
  if (const Node* flags = map->find("flags")) read_flags(checker, *flags, serving);
  if (const Node* env = map->find("env")) read_env(checker, *env, serving);
  if (const Node* rules = map->find("rules")) read_rules(checker, *rules, serving);
  const Node* family = map->find("family");
  if (family != nullptr && !family->is_null()) read_family_file(checker, *family, serving);
  return serving;
}

ParallelFlags read_parallel(Checker& checker, const Node& root) {
  ParallelFlags flags;
  constexpr std::string_view kSection = "parallel";
  const Node* map = root.find(kSection);
  if (map == nullptr || !checker.is_map(*map, kSection)) return flags;
  checker.refuse_unknown_keys(*map, kSection);
  checker.read(*map, kSection, "tp_size", flags.tp_size);
  checker.read(*map, kSection, "dp_size", flags.dp_size);
  checker.read(*map, kSection, "ep_size", flags.ep_size);
  checker.read(*map, kSection, "pp_size", flags.pp_size);
  checker.read(*map, kSection, "attn_cp_size", flags.attn_cp_size);
  checker.read(*map, kSection, "moe_dp_size", flags.moe_dp_size);
  checker.read(*map, kSection, "moe_dense_tp_size", flags.moe_dense_tp_size);
  checker.read(*map, kSection, "enable_dp_attention", flags.enable_dp_attention);
  checker.read(*map, kSection, "enable_dp_lm_head", flags.enable_dp_lm_head);
  checker.read(*map, kSection, "moe_a2a_backend", flags.moe_a2a_backend);
  return flags;
}

}  // namespace lockstep
