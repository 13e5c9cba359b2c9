// The line that a server logs when it starts: server_args=ServerArgs(model_path='...', ...).
#include <fmt/format.h>

#include <algorithm>
#include <cctype>

#include "sim/base/text.h"
#include "sim/scenario/python_call.h"
#include "sim/scenario/server_command.h"

namespace lockstep {
namespace {

constexpr std::string_view kMarker = "ServerArgs(";

// A part of such a line: it starts with a field of ServerArgs and an equals sign.
bool starts_with_field(std::string_view text) {
  std::size_t end = 0;
  while (end < text.size() &&
         (std::islower(static_cast<unsigned char>(text[end])) != 0 ||
          std::isdigit(static_cast<unsigned char>(text[end])) != 0 || text[end] == '_')) {
    ++end;
  }
  if (end == 0 || end == text.size() || text[end] != '=') return false;
  const ServerArgument* argument = find_server_argument(text.substr(0, end));
  return argument != nullptr && argument->field == text.substr(0, end);
}

std::string_view without_blanks(std::string_view text) {
  const std::size_t start = text.find_first_not_of(" \t\r\n");
  return start == std::string_view::npos ? std::string_view() : text.substr(start);
}

std::size_t occurrences(std::string_view text, std::string_view part) {
  std::size_t count = 0;
  for (std::size_t at = text.find(part); at != std::string_view::npos; ++count) {
    at = text.find(part, at + part.size());
  }
  return count;
}

bool says_something(const PythonValue& value) {
  using Kind = PythonValue::Kind;
  if (value.kind == Kind::none || (value.kind == Kind::truth && value.text == "false"))
    return false;
  if (value.kind == Kind::list) return !value.items.empty();
  return !value.text.empty() && value.text != "{}";
}

void add_argument(ServerCommand& command, const PythonArgument& given, const std::string& source) {
  if (!says_something(given.value)) return;
  const ServerArgument* argument = find_server_argument(given.name);
  if (argument == nullptr) {
    const bool known = std::ranges::find(command.unknown, given.name) != command.unknown.end();
    if (!known && command.unknown.size() < kMostUnknown) command.unknown.push_back(given.name);
    return;
  }
  GivenArgument added{argument, given.name, {given.value.text}, source, false};
  if (given.value.kind == PythonValue::Kind::list) added.values = given.value.items;
  added.is_object =
      given.value.kind == PythonValue::Kind::other && !given.value.text.starts_with('{');
  command.arguments.push_back(std::move(added));
}

Diagnostic cut(const PythonCall& call, const std::string& source) {
  const std::string where =
      call.arguments.empty()
          ? "before its first argument"
          : fmt::format("after {}, its argument number {}", shortened(call.arguments.back().name),
                        call.arguments.size());
  return said(source, "ServerArgs(...) ends " + where,
              "what follows counts as SGLang's default; give the whole line if you can");
}

}  // namespace

std::optional<ServerCommand> read_server_log(const std::string& text, const std::string& source) {
  const std::size_t marker = text.rfind(kMarker);
  const std::string_view bare = without_blanks(text);
  if (marker == std::string::npos && !starts_with_field(bare)) return std::nullopt;
  const std::string_view inside =
      marker == std::string::npos ? bare : std::string_view(text).substr(marker + kMarker.size());
  const PythonCall call = read_python_call(inside);
  ServerCommand command;
  command.from_log = true;
  for (const PythonArgument& given : call.arguments) add_argument(command, given, source);
  if (!call.closed) command.doubts.push_back(cut(call, source));
  if (call.elided) {
    command.doubts.push_back(said(source, "ServerArgs(...) has '...' in place of arguments",
                                  "they count as SGLang's defaults"));
  }
  if (!command.unknown.empty()) {
    command.doubts.push_back(
        said(source, "not known to Lockstep: " + shortened(join(command.unknown, ", "))));
  }
  const std::size_t count = occurrences(text, kMarker);
  if (count > 1) {
    command.notes.push_back(
        said(source, fmt::format("{} times ServerArgs(...); the last is read", count)));
  }
  return command;
}

}  // namespace lockstep
