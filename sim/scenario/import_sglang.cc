#include "sim/scenario/import_sglang.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <optional>
#include <utility>

#include "sim/base/text.h"
#include "sim/base/yaml.h"
#include "sim/scenario/checker.h"
#include "sim/scenario/fixes.h"
#include "sim/scenario/keys.h"
#include "sim/scenario/model_presets.h"
#include "sim/scenario/scenario.h"
#include "sim/scenario/server_command.h"
#include "sim/scenario/sglang_arguments.h"

namespace lockstep {
namespace {

// Published checkpoints by the last part of their path, in lower case, that differ from a preset
// only in weights and name. A preset's own name is known too.
struct KnownModel {
  std::string_view checkpoint;
  std::string_view preset;
};

constexpr auto kModels = std::to_array<KnownModel>({
    {"kimi-k2-instruct", "kimi-k2"},
    {"kimi-k2-base", "kimi-k2"},
    {"deepseek-v3-base", "deepseek-v3"},
    {"deepseek-v3-0324", "deepseek-v3"},
    {"deepseek-r1-0528", "deepseek-r1"},
    {"deepseek-v2-lite-chat", "deepseek-v2-lite"},
    {"qwen2-57b-a14b", "qwen2-moe-57b-a14b"},
    {"meta-llama-3.1-8b", "llama-3.1-8b"},
    {"meta-llama-3.1-8b-instruct", "llama-3.1-8b"},
    {"llama-3.1-8b-instruct", "llama-3.1-8b"},
    {"meta-llama-3.1-70b", "llama-3.1-70b"},
    {"meta-llama-3.1-70b-instruct", "llama-3.1-70b"},
    {"llama-3.1-70b-instruct", "llama-3.1-70b"},
    {"mixtral-8x7b-v0.1", "mixtral-8x7b"},
    {"mixtral-8x7b-instruct-v0.1", "mixtral-8x7b"},
});

// The names that --model-path may end in, presets first.
std::vector<std::string> known_checkpoints() {
  std::vector<std::string> names = model_preset_names();
  for (const KnownModel& known : kModels) names.emplace_back(known.checkpoint);
  return names;
}

// The preset of `checkpoint`; empty if it is not known.
std::string preset_of(const std::string& checkpoint) {
  const auto known = std::ranges::find(kModels, checkpoint, &KnownModel::checkpoint);
  if (known != kModels.end()) return std::string(known->preset);
  const std::vector<std::string> presets = model_preset_names();
  return std::ranges::count(presets, checkpoint) == 0 ? std::string() : checkpoint;
}

Diagnostic refusal(std::string message, std::string hint = {}) {
  Diagnostic fault;
  fault.place.file = "command line";
  fault.message = std::move(message);
  fault.hint = std::move(hint);
  return fault;
}

Node scalar(std::string text, bool quoted = false) {
  Node node;
  node.kind = Node::Kind::scalar;
  node.text = std::move(text);
  node.quoted = quoted;
  return node;
}

template <class Values>
Node list(const Values& values) {
  Node node;
  node.kind = Node::Kind::sequence;
  for (const auto& value : values) node.items.push_back(scalar(fmt::format("{}", value)));
  return node;
}

// The node of `path` below `root`, made if need be.
Node& at(Node& root, std::string_view path) {
  Node* node = &root;
  for (const std::string& part : split(path, '.')) {
    node->kind = Node::Kind::map;
    const auto known = std::ranges::find(node->keys, part, &Node::text);
    const auto index = static_cast<std::size_t>(known - node->keys.begin());
    if (known == node->keys.end()) {
      node->keys.push_back(scalar(part));
      node->items.emplace_back();
    }
    node = &node->items[index];
  }
  return *node;
}

class Import {
 public:
  Import(const ServerCommand& command, const ImportOptions& options)
      : command_(command), options_(options) {}

  Result<std::string> run() {
    at(root_, "lockstep") = scalar("1");
    at(root_, "name");
    at(root_, "model");
    at(root_, "serving.system") = scalar("sglang");
    at(root_, "serving.revision") = scalar(options_.revision, true);
    for (const auto& [name, value] : command_.environment) environment(name, value);
    for (const GivenArgument& given : command_.arguments) argument(given);
    if (!names_model_) {
      faults_.push_back(refusal("the command names no model", "--model-path"));
    }
    at(root_, "hardware") = scalar(options_.hardware);
    batch();
    at(root_, "name") = scalar(name());
    if (!faults_.empty()) return faults_;
    return comment() + to_yaml(root_);
  }

 private:
  void environment(const std::string& name, const std::string& value) {
    if (find_key("serving.env", name) != nullptr) {
      at(root_, "serving.env." + name) = scalar(value, true);
    } else {
      ignored_.push_back(name);
    }
  }

  void argument(const GivenArgument& given) {
    const ServerArgument* known = find_server_argument(given.name);
    if (known == nullptr) {
      if (command_.from_log) return;  // a log states hundreds of arguments
      std::string hint;
      if (const auto near = nearest(given.name, server_argument_names())) {
        hint = fmt::format("did you mean --{}?", *near);
      }
      faults_.push_back(refusal(fmt::format("unknown argument --{}", given.name), hint));
    } else if (known->effect != ArgumentEffect::model && given.values.empty() &&
               !takes_no_value(*known) && known->effect != ArgumentEffect::refused) {
      faults_.push_back(refusal(fmt::format("--{} needs a value", given.name)));
    } else {
      apply(*known, given);
    }
  }

  void apply(const ServerArgument& known, const GivenArgument& given) {
    const bool off = !given.values.empty() && given.values[0] == "false";
    switch (known.effect) {
      case ArgumentEffect::model:
        return set_model(given);
      case ArgumentEffect::key:
        return set_key(known, given);
      case ArgumentEffect::eager:
        eager_ = !off;
        return;
      case ArgumentEffect::captured_sizes:
        captured_ = given.values;
        return;
      case ArgumentEffect::ignored:
      case ArgumentEffect::ignored_switch:
        if (!command_.from_log) ignored_.push_back("--" + given.name);
        return;
      case ArgumentEffect::refused:
        return refuse(given);
    }
  }

  void refuse(const GivenArgument& given) {
    const std::string value = given.values.empty() ? std::string() : given.values[0];
    const bool off = value == "false" || value == "0" || value == "{}";
    if (off || (command_.from_log && value.empty())) return;
    faults_.push_back(refusal(fmt::format("not modelled yet: --{}", given.name),
                              "it changes what is communicated; leave it out to ignore it"));
  }

  void set_key(const ServerArgument& known, const GivenArgument& given) {
    if (given.values.size() > 1) {
      faults_.push_back(refusal(
          fmt::format("--{} takes one value, not '{}'", given.name, join(given.values, " "))));
      return;
    }
    const Key& key = key_at(known.key);
    const std::string value = given.values.empty() ? "true" : given.values[0];
    at(root_, known.key) = scalar(value, key.type == KeyType::text);
  }

  void set_model(const GivenArgument& given) {
    names_model_ = true;
    if (given.values.size() != 1) {
      faults_.push_back(refusal(fmt::format("--{} takes one value", given.name)));
      return;
    }
    std::string checkpoint = given.values[0];
    while (checkpoint.ends_with('/')) checkpoint.pop_back();
    checkpoint.erase(0, checkpoint.rfind('/') + 1);
    for (char& c : checkpoint) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    const std::string preset = preset_of(checkpoint);
    if (preset.empty()) return unknown_model(given.values[0], checkpoint);
    model_ = preset;
    at(root_, "model") = scalar(model_);
  }

  void unknown_model(const std::string& model, const std::string& checkpoint) {
    std::string hint = "write a scenario with 'model: {config: config.json}'";
    if (const auto near = nearest(checkpoint, known_checkpoints())) {
      hint += fmt::format("; the nearest known model is {}", *near);
    }
    faults_.push_back(refusal(fmt::format("the model '{}' is not known by name", model), hint));
  }

  std::string name() {
    std::string name = model_;
    for (const std::string_view size : {"tp", "dp", "ep"}) {
      const Node* parallel = root_.find("parallel");
      const Node* value =
          parallel == nullptr ? nullptr : parallel->find(fmt::format("{}_size", size));
      if (value != nullptr) name += fmt::format("-{}{}", size, value->text);
    }
    return name;
  }

  // Attention-DP shards; 1 where the arguments are not numbers, which parsing reports.
  std::size_t shards() const {
    constexpr long long kMostShards = 65'536;
    const Node* parallel = root_.find("parallel");
    if (parallel == nullptr) return 1;
    const Node* dp_attention = parallel->find("enable_dp_attention");
    const Node* dp_size = parallel->find("dp_size");
    if (dp_attention == nullptr || dp_attention->text != "true" || dp_size == nullptr) return 1;
    const long long count = parse_integer(dp_size->text).value_or(1);
    return static_cast<std::size_t>(std::clamp(count, 1LL, kMostShards));
  }

  void batch() {
    std::vector<int> tokens;
    for (std::size_t i = 0; i < shards() && !options_.tokens.empty(); ++i) {
      tokens.push_back(options_.tokens[i % options_.tokens.size()]);
    }
    at(root_, "batch.forward_mode") = scalar("extend");
    at(root_, "batch.tokens") = list(tokens);
    if (eager_) at(root_, "batch.cuda_graph") = scalar("false");
    if (!captured_.empty()) at(root_, "batch.cuda_graph_bs") = list(captured_);
  }

  std::string comment() const {
    std::string text = "# Imported from the arguments of an SGLang server.\n";
    if (ignored_.empty()) return text;
    std::string names = join(ignored_, ", ");
    for (char& c : names) {
      if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) c = ' ';
    }
    return text + "# Ignored, because it does not decide on communication: " + names + "\n";
  }

  const ServerCommand& command_;
  const ImportOptions& options_;
  Node root_;
  std::string model_;
  std::vector<std::string> ignored_;
  std::vector<std::string> captured_;
  bool eager_ = false;
  bool names_model_ = false;
  Diagnostics faults_;
};

}  // namespace

Result<std::string> import_sglang(const std::string& command_line, const ImportOptions& options) {
  Result<ServerCommand> command = read_server_command(command_line);
  if (!command) return command.faults();
  Result<std::string> text = Import(*command, options).run();
  if (!text) return text;
  // Values out of range, unknown choices: the scenario's own checks say it best.
  const Result<Scenario> scenario = parse_scenario(*text, "imported scenario");
  if (!scenario) return scenario.faults();
  return text;
}

}  // namespace lockstep
