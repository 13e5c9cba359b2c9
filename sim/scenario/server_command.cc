#include "sim/scenario/server_command.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <map>
#include <set>
#include <string_view>

#include "sim/base/text.h"
#include "sim/scenario/shell_words.h"

namespace lockstep {
namespace {

using Words = std::vector<std::string>;

// A negative number is a value, as Python's argparse has it.
bool is_flag(const std::string& word) {
  if (word.size() < 2 || word[0] != '-') return false;
  return std::isdigit(static_cast<unsigned char>(word[1])) == 0 && word[1] != '.';
}

bool is_assignment(const std::string& word) {
  const std::size_t equals = word.find('=');
  if (equals == 0 || equals == std::string::npos) return false;
  for (const char c : word.substr(0, equals)) {
    if (std::isalnum(static_cast<unsigned char>(c)) == 0 && c != '_') return false;
  }
  return std::isdigit(static_cast<unsigned char>(word[0])) == 0;
}

std::string base_name(const std::string& path) { return path.substr(path.rfind('/') + 1); }

// The places of the launcher's first and last word in a command; last is 0 if there is none.
struct Launcher {
  std::size_t first = 0;
  std::size_t last = 0;
};
Launcher find_launcher(const Words& words) {
  for (std::size_t i = 0; i < words.size(); ++i) {
    const std::string next = i + 1 < words.size() ? words[i + 1] : std::string();
    if (base_name(words[i]) == "sglang" && next == "serve") return {i, i + 1};
    if (words[i] == "-m" && next == "sglang.launch_server") return {i, i + 1};
    if (i > 0 && words[i].ends_with("sglang/launch_server.py")) return {i, i};
  }
  return {};
}

void add_environment(const Words& words, std::size_t end, ServerCommand& command) {
  for (std::size_t i = 0; i < end; ++i) {
    const std::string& word = words[i];
    const std::size_t start = word.starts_with("--env=") ? std::string_view("--env=").size() : 0;
    const std::string assignment = word.substr(start);
    if (!is_assignment(assignment)) continue;
    const std::size_t equals = assignment.find('=');
    command.environment.emplace_back(assignment.substr(0, equals), assignment.substr(equals + 1));
  }
}

class CommandReader {
 public:
  CommandReader(const Words& words, std::string source, ServerCommand command)
      : words_(words), source_(std::move(source)), command_(std::move(command)) {
    for (const auto& [name, value] : command_.environment) variables_[name] = value;
  }

  // REQUIRES: `first` is the place of the first argument.
  Result<ServerCommand> read(std::size_t first) {
    at_ = first;
    if (at_ < words_.size() && !is_flag(words_[at_])) positional_model();
    while (at_ < words_.size()) {
      if (faults_.size() + command_.unknown.size() >= kMostUnknown) {
        faults_.push_back(said(source_, "too many arguments are wrong or not known",
                               "is this the command line of an SGLang server?"));
        break;
      }
      next();
    }
    if (!faults_.empty()) return faults_;
    command_.arguments.insert(command_.arguments.begin(), config_.begin(), config_.end());
    return std::move(command_);
  }

 private:
  void fault(std::string message, std::string hint = {}) {
    faults_.push_back(said(source_, std::move(message), std::move(hint)));
  }

  // `sglang serve MODEL ...`
  void positional_model() {
    command_.arguments.push_back(
        {find_server_argument("model_path"), "model-path", {value(words_[at_++])}, source_});
  }

  void next() {
    const std::string& word = words_[at_++];
    if (!word.starts_with("--") || word.size() < 3) {
      return fault(fmt::format("unexpected argument '{}'", shortened(word)), "flags begin with --");
    }
    const std::size_t equals = word.find('=');
    const std::string name = word.substr(2, equals == std::string::npos ? equals : equals - 2);
    Words values;
    if (equals != std::string::npos) values.push_back(value(word.substr(equals + 1)));
    const ArgumentMatch match = match_server_argument(name);
    if (values.empty()) take_values(match.argument, values);
    if (!match.candidates.empty()) return ambiguous(name, match.candidates);
    if (match.argument == nullptr) return add_unknown(command_, "--" + name, source_);
    add(match, "--" + name, std::move(values));
  }

  // Values follow until the next flag; a switch has none unless it is told true or false.
  void take_values(const ServerArgument* argument, Words& values) {
    const bool is_switch = argument != nullptr && (argument->form == ArgumentForm::none ||
                                                   argument->form == ArgumentForm::pair);
    while (at_ < words_.size() && !is_flag(words_[at_])) {
      if (is_switch && (!is_truth(words_[at_]) || !values.empty())) return;
      values.push_back(value(words_[at_++]));
    }
  }

  static bool is_truth(const std::string& word) {
    return word == "true" || word == "false" || word == "True" || word == "False";
  }

  void add(const ArgumentMatch& match, const std::string& spelling, Words values) {
    const ServerArgument& argument = *match.argument;
    const ArgumentForm form = argument.form;
    if (form == ArgumentForm::none || form == ArgumentForm::pair) {
      if (!values.empty() && !is_truth(values[0])) {
        return fault(fmt::format("{} is a switch and takes no value, not '{}'", spelling,
                                 shortened(values[0])));
      }
      const bool off =
          match.off != (!values.empty() && (values[0] == "false" || values[0] == "False"));
      values = {off ? "false" : "true"};
    }
    const bool needs_value = form == ArgumentForm::value || form == ArgumentForm::list;
    if (needs_value && values.empty()) return fault(fmt::format("{} needs a value", spelling));
    const bool takes_one = form == ArgumentForm::value || form == ArgumentForm::optional;
    if (takes_one && values.size() > 1) {
      return fault(
          fmt::format("{} takes one value, not '{}'", spelling, shortened(join(values, " "))));
    }
    if (argument.effect == ArgumentEffect::config) return read_config(values[0]);
    command_.arguments.push_back({&argument, spelling, std::move(values), source_});
  }

  void ambiguous(const std::string& name, const std::vector<std::string>& candidates) {
    constexpr std::ptrdiff_t kMostShown = 8;
    const auto shown = std::min<std::ptrdiff_t>(std::ssize(candidates), kMostShown);
    const std::vector<std::string> first(candidates.begin(), candidates.begin() + shown);
    fault(fmt::format("--{} abbreviates several arguments", shortened(name)),
          "one of " + join(first, ", ") + (shown < std::ssize(candidates) ? ", ..." : ""));
  }

  void read_config(const std::string& path) {
    if (has_config_) return fault("two config files are given", "SGLang reads one");
    has_config_ = true;
    const bool is_yaml = path.ends_with(".yaml") || path.ends_with(".yml");
    if (!is_yaml) return fault(fmt::format("the config file '{}' is no .yaml", shortened(path)));
    Result<std::vector<GivenArgument>> arguments = read_server_config(path, command_);
    if (!arguments) {
      faults_.insert(faults_.end(), arguments.faults().begin(), arguments.faults().end());
      return;
    }
    config_ = std::move(*arguments);
  }

  // With the value of a variable that the same text sets: "$MODEL", "${MODEL}".
  std::string value(const std::string& word) const {
    if (!word.starts_with('$')) return word;
    std::string name = word.substr(1);
    if (name.starts_with('{') && name.ends_with('}')) name = name.substr(1, name.size() - 2);
    const auto set = variables_.find(name);
    if (set != variables_.end()) return set->second;
    return word;
  }

  const Words& words_;
  std::string source_;
  ServerCommand command_;
  std::map<std::string, std::string> variables_;
  std::vector<GivenArgument> config_;
  Diagnostics faults_;
  std::size_t at_ = 0;
  bool has_config_ = false;
};

// Of an argument that is given more than once, the last counts; REQUIRES: a config file's first.
void keep_last(ServerCommand& command) {
  std::vector<GivenArgument> kept;
  std::set<const ServerArgument*> replaced;
  for (auto given = command.arguments.rbegin(); given != command.arguments.rend(); ++given) {
    const auto last = std::ranges::find(kept, given->argument, &GivenArgument::argument);
    if (last == kept.end()) {
      kept.push_back(std::move(*given));
    } else if (replaced.insert(given->argument).second) {
      const std::string counts = shortened(join(last->values, " "));
      command.notes.push_back(
          last->source == given->source
              ? said(last->source, fmt::format("{} is given more than once; the last counts: {}",
                                               last->spelling, counts))
              : said(last->source, fmt::format("{} {} replaces what {} says", last->spelling,
                                               counts, given->source)));
    }
  }
  std::ranges::reverse(kept);
  std::ranges::reverse(command.notes);
  command.arguments = std::move(kept);
}

Result<ServerCommand> read_commands(const std::vector<ShellCommand>& commands,
                                    const std::string& source) {
  ServerCommand command;
  const ShellCommand* server = nullptr;
  std::size_t first = 0;
  for (const ShellCommand& candidate : commands) {
    const Launcher launcher = find_launcher(candidate.words);
    if (launcher.last == 0 && server == nullptr) {
      add_environment(candidate.words, candidate.words.size(), command);
    }
    if (launcher.last == 0) continue;
    if (server != nullptr) {
      return said(source,
                  fmt::format("two commands start a server, in line {} and in line {}",
                              server->line, candidate.line),
                  "give one of them; those of further nodes differ in --node-rank only");
    }
    add_environment(candidate.words, launcher.first, command);
    server = &candidate;
    first = launcher.last + 1;
  }
  if (server == nullptr) {
    return said(source, "this is no command that starts an SGLang server",
                "sglang serve ..., python -m sglang.launch_server ..., or a log line with "
                "ServerArgs(...)");
  }
  return CommandReader(server->words, source, std::move(command)).read(first);
}

}  // namespace

Diagnostic said(const std::string& source, std::string message, std::string hint) {
  return {{source, 0, 0}, "", std::move(message), "", std::move(hint)};
}

std::string shortened(const std::string& text) {
  constexpr std::size_t kMost = 60;
  std::string shown = text.size() > kMost ? text.substr(0, kMost) + "..." : text;
  for (char& c : shown) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) c = ' ';
  }
  return shown;
}

void add_unknown(ServerCommand& command, const std::string& spelling, const std::string& source) {
  if (command.unknown.size() >= kMostUnknown) return;
  if (std::ranges::find(command.unknown, spelling) != command.unknown.end()) return;
  command.unknown.push_back(spelling);
  const std::size_t dashes = std::min(spelling.find_first_not_of('-'), spelling.size());
  command.doubts.push_back(said(source, fmt::format("unknown argument {}", shortened(spelling)),
                                nearest_server_argument(spelling.substr(dashes))));
}

Result<ServerCommand> read_server_command(const std::string& text, const std::string& source) {
  const std::size_t nul = text.find('\0');
  if (nul != std::string::npos) {
    return said(source, fmt::format("character {} is a NUL byte", nul + 1), "is this a text?");
  }
  if (std::optional<ServerCommand> log = read_server_log(text, source)) {
    keep_last(*log);
    return std::move(*log);
  }
  const Result<std::vector<ShellCommand>> commands = shell_commands(text, source);
  if (!commands) return commands.faults();
  Result<ServerCommand> command = read_commands(*commands, source);
  if (command) keep_last(*command);
  return command;
}

}  // namespace lockstep
