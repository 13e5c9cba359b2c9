#include "sim/scenario/import_sglang.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <optional>
#include <set>
#include <utility>

#include "sim/base/text.h"
#include "sim/base/yaml.h"
#include "sim/scenario/checkpoints.h"
#include "sim/scenario/fixes.h"
#include "sim/scenario/keys.h"
#include "sim/scenario/model_presets.h"
#include "sim/scenario/scenario.h"
#include "sim/scenario/server_command.h"

namespace lockstep {
namespace {

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

const Node* find_at(const Node& root, std::string_view section, std::string_view key) {
  const Node* map = root.find(section);
  return map == nullptr ? nullptr : map->find(key);
}

// "# Heading: a, b, c", in lines of at most 100 columns.
std::string comment(const std::string& heading, const std::vector<std::string>& names) {
  constexpr std::size_t kColumns = 100;
  if (names.empty()) return {};
  std::string text;
  std::string line = "# " + heading + ":";
  for (std::size_t i = 0; i < names.size(); ++i) {
    const std::string word = " " + shortened(names[i]) + (i + 1 < names.size() ? "," : "");
    if (line.size() + word.size() > kColumns) {
      text += line + "\n";
      line = "#  ";
    }
    line += word;
  }
  return text + line + "\n";
}

// The model as SGLang was given it, if there is a config.json at that place.
std::optional<std::string> config_beside(const std::string& model, const std::string& scenario) {
  std::error_code error;
  const std::filesystem::path config = std::filesystem::path(model) / "config.json";
  if (model.empty() || !std::filesystem::is_regular_file(config, error)) return std::nullopt;
  const std::filesystem::path folder = std::filesystem::path(scenario).parent_path();
  if (config.is_absolute() || folder.empty()) return config.lexically_normal().string();
  return std::filesystem::proximate(config, folder, error).string();
}

class Import {
 public:
  Import(const ServerCommand& command, const ImportOptions& options, Imported& result)
      : command_(command), options_(options), result_(result) {}

  void run() {
    at(root_, "lockstep") = scalar("1");
    at(root_, "name");
    at(root_, "model");
    at(root_, "serving.system") = scalar("sglang");
    at(root_, "serving.revision") = scalar(options_.revision, true);
    for (const auto& [name, value] : command_.environment) environment(name, value);
    read_ignored();
    for (const GivenArgument* given : in_table_order()) argument(*given);
    if (!options_.model.empty()) set_model(options_.model);
    if (!names_model_) fault("the command names no model", "--model-path");
    if (ep_is_tp_) expert_ranks();
    one_replica();
    hardware();
    batch();
    at(root_, "name") = scalar(name());
    if (result_.faults.empty()) result_.scenario = comments() + to_yaml(root_);
  }

 private:
  void fault(std::string message, std::string hint = {}) {
    result_.faults.push_back(said(options_.source, std::move(message), std::move(hint)));
  }
  void note(std::string message, std::string hint = {}) {
    result_.notes.push_back(said(options_.source, std::move(message), std::move(hint)));
  }

  void environment(const std::string& name, const std::string& value) {
    if (find_key("serving.env", name) != nullptr) {
      at(root_, "serving.env." + name) = scalar(value, true);
    } else if (ignored_names_.insert(name).second) {
      ignored_.push_back(name);
    }
  }

  void read_ignored() {
    for (const std::string& name : options_.ignored) {
      const std::size_t dashes = std::min(name.find_first_not_of('-'), name.size());
      const ServerArgument* argument = find_server_argument(name.substr(dashes));
      if (argument == nullptr) {
        fault(fmt::format("there is no argument {} to ignore", shortened(name)),
              nearest_server_argument(name.substr(dashes)));
      } else {
        left_out_.insert(argument->field);
      }
    }
  }

  // So that the order on the command line does not change the scenario.
  std::vector<const GivenArgument*> in_table_order() const {
    std::vector<const GivenArgument*> ordered;
    for (const GivenArgument& given : command_.arguments) ordered.push_back(&given);
    const ServerArgument* const first = server_arguments().data();
    std::ranges::sort(ordered, {},
                      [&](const GivenArgument* given) { return given->argument - first; });
    return ordered;
  }

  void argument(const GivenArgument& given) {
    if (left_out_.contains(given.argument->field)) {
      as_asked_.push_back(given.spelling);
    } else if (!command_.from_log || !has_default(given)) {
      apply(given);
    }
  }

  static bool has_default(const GivenArgument& given) {
    return std::ranges::all_of(
        given.values, [&](const std::string& value) { return is_default(*given.argument, value); });
  }

  void apply(const GivenArgument& given) {
    switch (given.argument->effect) {
      case ArgumentEffect::model:
        return set_model(options_.model.empty() ? given.values[0] : options_.model);
      case ArgumentEffect::key:
        return set_key(given);
      case ArgumentEffect::nodes:
        nodes_ = given.values[0];
        return;
      case ArgumentEffect::eager:
        eager_ = eager_ || given.values[0] == "true";
        return;
      case ArgumentEffect::decode_graph:
        eager_ = eager_ || given.values[0] == "disabled";
        return;
      case ArgumentEffect::captured_sizes:
        captured_ = given.values;
        return;
      case ArgumentEffect::sets:
        return set_other(given);
      case ArgumentEffect::ep_is_tp:
        ep_is_tp_ = true;
        return;
      case ArgumentEffect::mixed_chunk:
        return mixed_chunk(given);
      case ArgumentEffect::pd_mode:
        decodes_ = given.values[0] == "decode";
        [[fallthrough]];
      case ArgumentEffect::config:
      case ArgumentEffect::ignored:
        ignored_.push_back(given.spelling);
        return;
      case ArgumentEffect::refused:
        return refuse(given);
    }
  }

  void refuse(const GivenArgument& given) {
    if (has_default(given) || given.is_object) return;
    const std::string name = given.argument->spellings[0];
    fault(fmt::format("not modelled yet: {}", given.spelling),
          fmt::format("it changes what is communicated; to import the rest: --ignore {}", name));
  }

  void set_key(const GivenArgument& given) {
    const Key& key = key_at(given.argument->key);
    constexpr std::size_t kLongest = 200;  // of a value that could be right
    const bool is_value = given.values.size() == 1 && given.values[0].size() <= kLongest;
    if (given.is_object || !is_value) {
      return fault(fmt::format("{} takes one value, not '{}'", given.spelling,
                               shortened(join(given.values, " "))));
    }
    at(root_, given.argument->key) = scalar(given.values[0], key.type == KeyType::text);
  }

  // An old switch: "moe_a2a_backend=deepep".
  void set_other(const GivenArgument& given) {
    if (given.values[0] != "true") return;
    const std::vector<std::string> parts = split(given.argument->fallback, '=');
    const ServerArgument& other = *find_server_argument(parts[0]);
    note(fmt::format("{} is old; it means --{} {}", given.spelling, other.spellings[0], parts[1]));
    set_key({&other, given.spelling, {parts[1]}, given.source, false});
  }

  // The flag does not say which steps are mixed.
  void mixed_chunk(const GivenArgument& given) {
    if (given.values[0] != "true") return;
    note(fmt::format("{}: running decodes may join a chunk of a prefill", given.spelling),
         "such a step is for batch.requests: [[{extend: 512}, {decode: 1, kv: 4096}]]");
  }

  // As SGLang does it: experts on every rank of the layout.
  void expert_ranks() {
    const Node* tp = find_at(root_, "parallel", "tp_size");
    if (tp == nullptr) return;
    const std::string ranks = tp->text;
    at(root_, "parallel.ep_size") = scalar(ranks);
    note("--enable-ep-moe is old; it means an --ep-size that equals --tp-size");
  }

  // Replicas of a whole server share nothing but the load.
  void one_replica() {
    const Node* dp_size = find_at(root_, "parallel", "dp_size");
    const Node* shared = find_at(root_, "parallel", "enable_dp_attention");
    const bool is_replicated = dp_size != nullptr && dp_size->text != "1";
    if (!is_replicated || (shared != nullptr && shared->text == "true")) return;
    note(
        fmt::format("--dp-size {} without --enable-dp-attention makes servers that exchange "
                    "nothing; the scenario is one of them",
                    shortened(dp_size->text)));
    at(root_, "parallel.dp_size") = scalar("1");
  }

  void set_model(const std::string& model) {
    names_model_ = true;
    const std::string checkpoint = checkpoint_name(model);
    if (const auto config = config_beside(model, options_.file)) {
      model_ = checkpoint;
      at(root_, "model") = {};
      at(root_, "model.config") = scalar(*config, true);
      return note(fmt::format("the model is that of {}", shortened(*config)));
    }
    const std::optional<Checkpoint> known = find_checkpoint(checkpoint);
    if (!known) return unknown_model(model, checkpoint);
    model_ = known->preset;
    at(root_, "model") = {};
    if (known->overrides.empty()) {
      at(root_, "model") = scalar(model_);
    } else {
      at(root_, "model.preset") = scalar(model_);
      for (const auto& [key, value] : known->overrides) override_key(key, value);
    }
    if (known->assumed.empty()) return;
    note(fmt::format("the model {} is read as the preset {}", shortened(model), model_),
         fmt::format("'{}' in its name is taken to leave its layers as they are",
                     join(known->assumed, "', '")));
  }

  void override_key(const std::string& key, const std::string& value) {
    const Result<Document> document = parse_yaml(value, "override");
    if (document) at(root_, "model." + key) = document->root;
  }

  void unknown_model(const std::string& model, const std::string& checkpoint) {
    if (model.starts_with('$')) {
      return fault(
          fmt::format("the model '{}' is a variable that the text does not set", shortened(model)),
          "write its value, or give --model NAME");
    }
    std::string hint = "give --model NAME, or a folder with its config.json";
    if (const auto near = nearest(shortened(checkpoint), known_checkpoints())) {
      hint += fmt::format("; the nearest known model is {}", *near);
    }
    fault(fmt::format("the model '{}' is not known by name", shortened(model)), hint);
  }

  std::string name() const {
    std::string name = model_;
    for (const std::string_view size : {"tp", "dp", "ep"}) {
      const Node* value = find_at(root_, "parallel", fmt::format("{}_size", size));
      if (value != nullptr) name += fmt::format("-{}{}", size, shortened(value->text));
    }
    return name;
  }

  void hardware() {
    if (nodes_.empty() || nodes_ == "1") {
      at(root_, "hardware") = scalar(options_.hardware);
    } else {
      at(root_, "hardware.preset") = scalar(options_.hardware);
      at(root_, "hardware.nodes") = scalar(nodes_);
    }
  }

  // Attention-DP shards; 1 where the arguments are not numbers, which parsing reports.
  std::size_t shards() const {
    constexpr long long kMostShards = 65'536;
    const Node* dp_attention = find_at(root_, "parallel", "enable_dp_attention");
    const Node* dp_size = find_at(root_, "parallel", "dp_size");
    if (dp_attention == nullptr || dp_attention->text != "true" || dp_size == nullptr) return 1;
    const long long count = parse_integer(dp_size->text).value_or(1);
    return static_cast<std::size_t>(std::clamp(count, 1LL, kMostShards));
  }

  void batch() {
    const std::vector<int>& usual = decodes_ ? kDecodeTokens : kPrefillTokens;
    const std::vector<int>& given = options_.tokens.empty() ? usual : options_.tokens;
    std::vector<int> tokens;
    for (std::size_t i = 0; i < shards(); ++i) tokens.push_back(given[i % given.size()]);
    at(root_, "batch.forward_mode") = scalar(decodes_ ? "decode" : "extend");
    at(root_, "batch.tokens") = list(tokens);
    if (eager_) at(root_, "batch.cuda_graph") = scalar("false");
    if (!captured_.empty()) at(root_, "batch.cuda_graph_bs") = list(captured_);
  }

  std::string comments() const {
    return "# Imported from the arguments of an SGLang server.\n" +
           comment("Ignored, because it does not decide on communication", ignored_) +
           comment("Left out, because it is not known", command_.unknown) +
           comment("Left out as asked", as_asked_);
  }

  const ServerCommand& command_;
  const ImportOptions& options_;
  Imported& result_;
  Node root_;
  std::string model_;
  std::string nodes_;
  std::vector<std::string> ignored_;
  std::set<std::string> ignored_names_;  // of variables
  std::set<std::string_view> left_out_;  // fields
  std::vector<std::string> as_asked_;    // spellings
  std::vector<std::string> captured_;
  bool eager_ = false;
  bool decodes_ = false;
  bool ep_is_tp_ = false;
  bool names_model_ = false;
};

}  // namespace

Imported import_sglang(const std::string& text, const ImportOptions& options) {
  Imported result;
  Result<ServerCommand> command = read_server_command(text, options.source);
  if (!command) {
    result.faults = command.faults();
    return result;
  }
  result.doubts = std::move(command->doubts);
  result.notes = std::move(command->notes);
  if (options.strict) std::swap(result.faults, result.doubts);
  Import(*command, options, result).run();
  if (!result.faults.empty()) return result;
  // Values out of range, unknown choices: the scenario's own checks say it best.
  const Result<Scenario> scenario = parse_scenario(result.scenario, options.file);
  if (!scenario) {
    result.faults = scenario.faults();
    result.scenario.clear();
  }
  return result;
}

}  // namespace lockstep
