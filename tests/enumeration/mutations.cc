#include "tests/enumeration/mutations.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <map>
#include <set>
#include <utility>
#include <vector>

#include "sim/base/hash.h"
#include "sim/base/text.h"
#include "sim/base/yaml.h"
#include "sim/contract/check.h"
#include "sim/scenario/fixes.h"
#include "sim/serving/family.h"
#include "tests/enumeration/points.h"

namespace lockstep::test {
namespace {

constexpr std::array<const char*, 8> kPresets{"kimi-k2.6",     "deepseek-v3",       "glm-4.5-air",
                                              "gpt-oss-20b",   "minimax-m2",        "qwen3-32b",
                                              "qwen3-30b-a3b", "qwen2-moe-57b-a14b"};
constexpr std::array<const char*, 12> kRevisions{"10414", "20406", "22642^", "23748",
                                                 "24785", "24785", "19918",  "32663",
                                                 "32963", "41197", "41253",  "latest"};
constexpr std::array<const char*, 8> kParallel{
    "{tp_size: 4, dp_size: 4, ep_size: 4, enable_dp_attention: true}",
    "{tp_size: 8, dp_size: 8, ep_size: 8, enable_dp_attention: true}",
    "{tp_size: 4, dp_size: 4, enable_dp_attention: true}",
    "{tp_size: 4, dp_size: 2, ep_size: 4, enable_dp_attention: true}",
    "{tp_size: 4, dp_size: 2, ep_size: 2, enable_dp_attention: true}",
    "{tp_size: 4}",
    "{tp_size: 4, ep_size: 4}",
    "{tp_size: 4, ep_size: 2}"};
// Beside those that decided something in the plan.
constexpr std::array<const char*, 7> kMoreRules{
    "sums_experts_over_tp",      "sums_experts_over_moe_ep",   "sums_experts_over_moe_tp",
    "allow_reduce_scatter",      "deferred_sum_covers_moe_tp", "declined_kernel_still_reduces",
    "shared_experts_on_one_rank"};
constexpr const char* kPorted = "PortedForCausalLM";
constexpr int kDraws = 12;  // of a change that alters the plan

template <class Items>
const auto& choose(const Items& items, Random& random) {
  return items[static_cast<std::size_t>(random.below(static_cast<std::int64_t>(items.size())))];
}

// A scenario in parts, to be changed and written.
struct Draft {
  std::string preset;
  std::string revision;
  std::string parallel;
  std::string batch;
  int layers = 0;
  int ranks = 4;
  bool ported = false;
  std::map<std::string, std::string> rules;
  std::optional<Node> family;
  std::string what;
};

int shards_of(const std::string& parallel) {
  const auto at = parallel.find("dp_size: ");
  return at == std::string::npos ? 1 : parallel[at + 9] - '0';
}

std::string batch_of(int shards, Random& random) {
  std::vector<std::string> tokens;
  for (int shard = 0; shard < shards; ++shard) {
    tokens.push_back(std::to_string(shard == 0 ? 3 : random.below(6)));
  }
  const bool decode = random.chance(1, 3);
  return fmt::format("{{forward_mode: {}, kv_len: 6, tokens: [{}], padding: {}{}}}",
                     decode ? "decode" : "extend", join(tokens, ", "),
                     random.chance(1, 2) ? "max_len" : "sum_len",
                     decode ? ", cuda_graph: false" : "");
}

std::string text_of(const Draft& draft, const std::string& family_file) {
  std::string text = fmt::format(
      "lockstep: 1\nmodel: {{preset: {}, num_hidden_layers: {}{}}}\nserving:\n  revision: \"{}\"\n",
      draft.preset, draft.layers, draft.ported ? fmt::format(", architectures: [{}]", kPorted) : "",
      draft.revision);
  if (!family_file.empty()) text += "  family: " + family_file + "\n";
  if (!draft.rules.empty()) text += "  rules:\n";
  for (const auto& [rule, expression] : draft.rules) {
    text += fmt::format("    {}: \"{}\"\n", rule, expression);
  }
  return text + fmt::format("parallel: {}\nbatch: {}\n", draft.parallel, draft.batch);
}

void replace_text(Node& node, const std::string& from, const std::string& to) {
  if (node.is_scalar() && node.text == from) node.text = to;
  for (Node& item : node.items) replace_text(item, from, to);
}

Node family_node(const Model& model, bool ported) {
  const std::string name = family_of(model.architecture)->name;
  for (const FamilyText& family : family_texts()) {
    if (family.name != name) continue;
    Node root = parse_yaml(std::string(family.text), "family.yaml")->root;
    if (ported) replace_text(root, model.architecture, kPorted);
    return root;
  }
  return {};
}

Node& child(Node& map, const std::string& key) {
  for (std::size_t i = 0; i < map.keys.size(); ++i) {
    if (map.keys[i].text == key) return map.items[i];
  }
  Node name;
  name.kind = Node::Kind::scalar;
  name.text = key;
  map.keys.push_back(std::move(name));
  map.items.emplace_back();
  return map.items.back();
}

void set_rule(Node& family, const std::string& rule, const std::string& expression) {
  child(child(family, "rules"), rule) =
      parse_yaml(fmt::format("[{{by: 8280, is: \"{}\"}}]", expression), "rule")->root;
}

// The list of versions of a rule.
Node& history_of(Node& rule) { return rule.is_map() ? child(rule, "history") : rule; }

std::string drop_version(Node& family, Random& random) {
  Node& rules = child(family, "rules");
  const auto at =
      static_cast<std::size_t>(random.below(static_cast<std::int64_t>(rules.items.size())));
  Node& history = history_of(rules.items[at]);
  if (history.items.size() < 2) return {};
  const auto version = random.below(static_cast<std::int64_t>(history.items.size()));
  history.items.erase(history.items.begin() + version);
  return fmt::format("{} loses version {}", rules.keys[at].text, version);
}

std::string drop_ask(Node& family, Random& random) {
  Node& rules = child(family, "rules");
  const auto at =
      static_cast<std::size_t>(random.below(static_cast<std::int64_t>(rules.items.size())));
  std::string dropped;
  for (Node& version : history_of(rules.items[at]).items) {
    Node& is = child(version, "is");
    if (is.text.find('(') != std::string::npos) continue;
    std::string rest;
    std::string text = is.text;
    std::vector<std::string> asks;
    for (std::size_t end = 0; end != std::string::npos;) {
      end = text.find(" or ");
      asks.push_back(text.substr(0, end));
      if (end != std::string::npos) text = text.substr(end + 4);
    }
    if (asks.size() < 2) continue;
    if (dropped.empty()) dropped = choose(asks, random);
    std::erase(asks, dropped);
    is.text = asks.empty() ? "false" : join(asks, " or ");
  }
  return dropped.empty() ? dropped
                         : fmt::format("{} no longer asks {}", rules.keys[at].text, dropped);
}

std::string change_family(Node& family, Random& random) {
  switch (random.below(5)) {
    case 0:
      return drop_version(family, random);
    case 1:
    case 2:
      return drop_ask(family, random);
    case 3: {
      const bool on = random.chance(1, 2);
      set_rule(family, "allow_reduce_scatter", on ? "true" : "false");
      return fmt::format("allow_reduce_scatter {}", on);
    }
    default: {
      const char* group =
          random.chance(1, 2) ? "sums_experts_over_moe_ep" : "sums_experts_over_moe_tp";
      set_rule(family, "sums_experts_over_tp", "false");
      set_rule(family, group, "true");
      return fmt::format("{} in place of sums_experts_over_tp", group);
    }
  }
}

std::string override_rule(Draft& draft, const Plan& plan, Random& random) {
  std::set<std::string> names(kMoreRules.begin(), kMoreRules.end());
  for (const Reason& reason : plan.reasons) names.insert(reason.rule);
  const std::vector<std::string> rules(names.begin(), names.end());
  const std::string rule = choose(rules, random);
  const int layer = static_cast<int>(random.below(draft.layers));
  const std::array<std::string, 5> ways{
      "not default", "true", "false",
      fmt::format("layer == {0} and not default or not layer == {0} and default", layer),
      fmt::format("rank < {0} and not default or rank >= {0} and default", draft.ranks / 2)};
  if (draft.rules.contains(rule)) return {};
  draft.rules[rule] = choose(ways, random);
  return fmt::format("{} := {}", rule, draft.rules[rule]);
}

Draft draw(Random& random) {
  Draft draft;
  draft.preset = choose(kPresets, random);
  draft.revision = choose(kRevisions, random);
  draft.parallel = choose(kParallel, random);
  draft.ranks = draft.parallel.find("tp_size: 8") == std::string::npos ? 4 : 8;
  draft.batch = batch_of(shards_of(draft.parallel), random);
  const Model model = preset_model(draft.preset, 2);
  draft.layers = model.num_hidden_layers;
  if (random.chance(1, 2)) {
    draft.ported = random.chance(1, 2);
    draft.family = family_node(model, draft.ported);
  }
  draft.what =
      fmt::format("{} at {} {} {}", draft.preset, draft.revision, draft.parallel, draft.batch);
  return draft;
}

// The scenario on disk, lowered; nullopt where it is refused or not known.
std::optional<Plan> lowered(const Draft& draft, const std::filesystem::path& folder,
                            std::string& text) {
  std::string family_file;
  if (draft.family) {
    const std::string family = to_yaml(*draft.family);
    Fnv1a hash;
    hash.add(family);
    family_file = fmt::format("family-{}.yaml", hex64(hash.value()));
    std::ofstream(folder / family_file, std::ios::binary) << family;
  }
  text = text_of(draft, family_file);
  const Result<Scenario> scenario = parse_scenario(text, (folder / "scenario.yaml").string());
  if (!scenario) return std::nullopt;
  Result<Plan> plan = lower(scenario->input);
  if (!plan || !plan->unknown.empty()) return std::nullopt;
  return std::move(*plan);
}

// One change that alters the plan; false if none was drawn.
bool change(Draft& draft, Plan& plan, const std::filesystem::path& folder, std::string& text,
            Random& random) {
  for (int i = 0; i < kDraws; ++i) {
    Draft changed = draft;
    const bool family = draft.family && random.chance(2, 3);
    const std::string what =
        family ? change_family(*changed.family, random) : override_rule(changed, plan, random);
    if (what.empty()) continue;
    std::optional<Plan> after = lowered(changed, folder, text);
    if (!after || hash(*after) == hash(plan)) continue;
    changed.what += "; " + what;
    draft = std::move(changed);
    plan = std::move(*after);
    return true;
  }
  return false;
}

}  // namespace

std::optional<Mutation> draw_mutation(Random& random, int faults,
                                      const std::filesystem::path& folder) {
  Draft draft = draw(random);
  std::string text;
  std::optional<Plan> plan = lowered(draft, folder, text);
  if (!plan || contract::check(*plan).verdict != contract::Verdict::holds) return std::nullopt;
  for (int i = 0; i < faults; ++i) {
    if (!change(draft, *plan, folder, text, random)) return std::nullopt;
  }
  return Mutation{std::move(text), std::move(draft.what), draft.ported};
}

}  // namespace lockstep::test
