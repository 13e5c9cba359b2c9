// The YAML file of an SGLang server's --config: argument: value.
#include <fmt/format.h>

#include <array>
#include <utility>

#include "sim/base/yaml.h"
#include "sim/scenario/server_command.h"

namespace lockstep {
namespace {

// YAML 1.1, as SGLang's reader has it.
std::optional<bool> truth(const Node& value) {
  constexpr std::array<std::string_view, 4> kOn{"true", "yes", "on", "True"};
  constexpr std::array<std::string_view, 4> kOff{"false", "no", "off", "False"};
  if (!value.is_scalar() || value.quoted) return std::nullopt;
  for (const std::string_view text : kOn) {
    if (value.text == text) return true;
  }
  for (const std::string_view text : kOff) {
    if (value.text == text) return false;
  }
  return std::nullopt;
}

class ConfigReader {
 public:
  ConfigReader(const Document& document, ServerCommand& command)
      : document_(document), command_(command) {}

  Result<std::vector<GivenArgument>> read() {
    const Node& root = document_.root;
    if (root.is_null()) return arguments_;
    if (!root.is_map()) {
      return document_.fault(root, "a config file holds arguments and their values",
                             "for example: tp-size: 8");
    }
    for (std::size_t i = 0; i < root.keys.size(); ++i) entry(root.keys[i], root.items[i]);
    if (!faults_.empty()) return faults_;
    return std::move(arguments_);
  }

 private:
  void entry(const Node& key, const Node& value) {
    const ArgumentMatch match = match_server_argument(key.text);
    const ServerArgument* argument = match.argument;
    if (argument == nullptr) return add_unknown(command_, key.text, document_.file);
    if (argument->effect == ArgumentEffect::config) {
      return fault(key, "a config file names no other config file", "");
    }
    const bool is_switch =
        argument->form == ArgumentForm::none || argument->form == ArgumentForm::pair;
    const std::optional<bool> on = truth(value);
    if (is_switch && !on) return fault(value, fmt::format("'{}' is true or false", key.text), "");
    if (is_switch && !*on && argument->form == ArgumentForm::none) return;
    if (value.is_map() || value.is_null()) {
      return fault(value.is_null() ? key : value, fmt::format("'{}' has no value", key.text),
                   "a text or a number; JSON in quotes");
    }
    GivenArgument given{argument, key.text, {}, document_.file, false};
    if (is_switch) {
      given.values.emplace_back(*on == match.off ? "false" : "true");
    } else if (value.is_sequence()) {
      for (const Node& item : value.items) given.values.push_back(item.text);
    } else {
      given.values.push_back(value.text);
    }
    arguments_.push_back(std::move(given));
  }

  void fault(const Node& node, std::string message, std::string hint) {
    faults_.push_back(document_.fault(node, std::move(message), std::move(hint)));
  }

  const Document& document_;
  ServerCommand& command_;
  std::vector<GivenArgument> arguments_;
  Diagnostics faults_;
};

}  // namespace

Result<std::vector<GivenArgument>> read_server_config(const std::string& path,
                                                      ServerCommand& command) {
  const Result<Document> document = read_yaml(path);
  if (!document) return document.faults();
  return ConfigReader(*document, command).read();
}

}  // namespace lockstep
