#include "sim/scenario/server_command.h"

#include <fmt/format.h>

#include <cctype>
#include <optional>
#include <string_view>

#include "sim/scenario/sglang_arguments.h"
#include "sim/scenario/shell_words.h"

namespace lockstep {
namespace {

constexpr std::string_view kLogMarker = "ServerArgs(";

Diagnostic refusal(std::string message, std::string hint) {
  Diagnostic fault;
  fault.place.file = "command line";
  fault.message = std::move(message);
  fault.hint = std::move(hint);
  return fault;
}

// ---- a command line ---------------------------------------------------------------------------

bool is_flag(const std::string& word) { return word.starts_with("--") && word.size() > 2; }

bool is_assignment(const std::string& word) {
  const std::size_t equals = word.find('=');
  if (equals == 0 || equals == std::string::npos) return false;
  for (const char c : word.substr(0, equals)) {
    if (std::isalnum(static_cast<unsigned char>(c)) == 0 && c != '_') return false;
  }
  return std::isdigit(static_cast<unsigned char>(word[0])) == 0;
}

std::string base_name(const std::string& path) { return path.substr(path.rfind('/') + 1); }

// The place of the first argument in `words`, which start at the command; 0 if it is another one.
std::size_t after_launcher(const std::vector<std::string>& words, std::size_t at) {
  const auto word = [&](std::size_t i) {
    return at + i < words.size() ? words[at + i] : std::string();
  };
  if (base_name(word(0)) == "sglang" && word(1) == "serve") return at + 2;
  if (!base_name(word(0)).starts_with("python")) return 0;
  const std::size_t module = word(1) == "-u" ? 2 : 1;
  const bool launches = word(module) == "-m" && word(module + 1) == "sglang.launch_server";
  return launches ? at + module + 2 : 0;
}

// Values follow until the next flag; a switch has none unless it is told true or false.
std::size_t value_count(const std::vector<std::string>& words, std::size_t at,
                        const ServerArgument* argument) {
  if (at < words.size() && (words[at] == "true" || words[at] == "false")) return 1;
  if (argument != nullptr && takes_no_value(*argument)) return 0;
  std::size_t count = 0;
  while (at + count < words.size() && !is_flag(words[at + count])) ++count;
  return count;
}

Result<ServerCommand> read_words(const std::vector<std::string>& words) {
  ServerCommand command;
  std::size_t at = 0;
  for (; at < words.size() && is_assignment(words[at]); ++at) {
    const std::size_t equals = words[at].find('=');
    command.environment.emplace_back(words[at].substr(0, equals), words[at].substr(equals + 1));
  }
  at = after_launcher(words, at);
  if (at == 0) {
    return refusal("this is no command that starts an SGLang server",
                   "sglang serve ..., or python -m sglang.launch_server ...");
  }
  const bool names_model = at < words.size() && !is_flag(words[at]);
  if (names_model) command.arguments.push_back({"model-path", {words[at++]}});
  while (at < words.size()) {
    const std::string& word = words[at++];
    if (!is_flag(word)) {
      return refusal(fmt::format("unexpected argument '{}'", word), "flags begin with --");
    }
    const std::size_t equals = word.find('=');
    GivenArgument given{word.substr(2, equals == std::string::npos ? equals : equals - 2), {}};
    if (equals != std::string::npos) {
      given.values.push_back(word.substr(equals + 1));
    } else {
      const std::size_t count = value_count(words, at, find_server_argument(given.name));
      for (std::size_t i = 0; i < count; ++i) given.values.push_back(words[at++]);
    }
    command.arguments.push_back(std::move(given));
  }
  return command;
}

// ---- a log line -------------------------------------------------------------------------------

// Cuts `text` at commas outside brackets and quotes, up to the bracket that closes it.
std::vector<std::string> top_level_parts(std::string_view text) {
  std::vector<std::string> parts(1);
  int depth = 0;
  char quote = 0;
  for (const char c : text) {
    if (quote == 0 && depth == 0 && c == ')') return parts;
    if (quote == 0 && depth == 0 && c == ',') {
      parts.emplace_back();
      continue;
    }
    if (quote != 0) {
      if (c == quote) quote = 0;
    } else if (c == '\'' || c == '"') {
      quote = c;
    } else if (c == '(' || c == '[' || c == '{') {
      ++depth;
    } else if (c == ')' || c == ']' || c == '}') {
      --depth;
    }
    parts.back() += c;
  }
  return {};
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  return text;
}

std::string unquoted(std::string_view text) {
  text = trimmed(text);
  const bool quoted = text.size() >= 2 && text.front() == text.back() &&
                      (text.front() == '\'' || text.front() == '"');
  return std::string(quoted ? text.substr(1, text.size() - 2) : text);
}

// The values of a Python literal; nullopt for None and False, which say that nothing is set.
std::optional<std::vector<std::string>> python_values(std::string_view literal) {
  literal = trimmed(literal);
  if (literal == "None" || literal == "False") return std::nullopt;
  if (literal == "True") return std::vector<std::string>{"true"};
  if (!literal.starts_with('[')) return std::vector<std::string>{unquoted(literal)};
  std::string inside(literal.substr(1));
  if (inside.ends_with(']')) inside.back() = ')';
  std::vector<std::string> values;
  for (const std::string& part : top_level_parts(inside)) values.push_back(unquoted(part));
  return values;
}

Result<ServerCommand> read_log(std::string_view inside) {
  ServerCommand command;
  command.from_log = true;
  const std::vector<std::string> parts = top_level_parts(inside);
  if (parts.empty()) {
    return refusal("the log line ends inside ServerArgs(...)", "give the whole line");
  }
  for (const std::string& part : parts) {
    const std::size_t equals = part.find('=');
    if (equals == std::string::npos) continue;
    auto values = python_values(std::string_view(part).substr(equals + 1));
    if (!values) continue;
    command.arguments.push_back(
        {std::string(trimmed(std::string_view(part).substr(0, equals))), std::move(*values)});
  }
  return command;
}

}  // namespace

Result<ServerCommand> read_server_command(const std::string& text) {
  const std::size_t log = text.find(kLogMarker);
  if (log != std::string::npos) {
    return read_log(std::string_view(text).substr(log + kLogMarker.size()));
  }
  Result<std::vector<std::string>> words = shell_words(text);
  if (!words) return words.faults();
  return read_words(*words);
}

}  // namespace lockstep
