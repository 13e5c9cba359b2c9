#include "sim/base/error.h"

#include <fmt/format.h>

#include <algorithm>

namespace lockstep {

void assertion_failed(const char* condition, std::source_location where) {
  throw AssertionFailure(
      fmt::format("{}:{}: this should hold: {}", where.file_name(), where.line(), condition));
}

Diagnostic plain_fault(std::string message, std::string hint) {
  return path_fault("", std::move(message), std::move(hint));
}

Diagnostic path_fault(std::string path, std::string message, std::string hint) {
  return {{}, std::move(path), std::move(message), "", std::move(hint)};
}

bool only_unknown(const Diagnostics& diagnostics) {
  return !diagnostics.empty() &&
         std::ranges::all_of(diagnostics, [](const Diagnostic& d) { return d.unknown; });
}

std::string to_string(const Diagnostic& d) {
  std::string text;
  if (!d.place.file.empty()) text += d.place.file + ":";
  if (d.place.line > 0) text += fmt::format("{}:{}:", d.place.line, d.place.column);
  if (!text.empty()) text += " ";
  text += (d.unknown ? "unknown: " : "error: ") + d.message + "\n";
  if (!d.source_line.empty()) {
    text += fmt::format("  {}\n", d.source_line);
    if (d.place.column > 0) text += fmt::format("  {:>{}}\n", "^", d.place.column);
  }
  if (!d.hint.empty()) text += fmt::format("  hint: {}\n", d.hint);
  return text;
}

std::string to_string(const Diagnostics& diagnostics) {
  std::string text;
  for (const Diagnostic& d : diagnostics) text += to_string(d);
  return text;
}

}  // namespace lockstep
