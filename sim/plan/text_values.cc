// The scalars of the text form: rows, moves, shares and quoted text.
#include <fmt/format.h>

#include <algorithm>
#include <string_view>

#include "sim/base/text.h"
#include "sim/plan/text.h"

namespace lockstep {
namespace {

std::string run_text(std::int64_t first, std::int64_t count) {
  return count == 1 ? fmt::format("{}", first) : fmt::format("{}-{}", first, first + count - 1);
}

}  // namespace

std::string yaml_scalar(const std::string& text) {
  const auto plain = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("_.@/-^").find(c) != std::string_view::npos;
  };
  const bool starts_well = !text.empty() && text[0] != '-' && text[0] != '@' && text[0] != '.';
  const bool is_null = text == "null" || text == "Null" || text == "NULL";
  if (starts_well && !is_null && std::ranges::all_of(text, plain)) return text;
  std::string quoted = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      quoted += '\\';
      quoted += c;
    } else if (byte < 0x20 || byte == 0x7F) {
      quoted += fmt::format("\\x{:02X}", byte);
    } else {
      quoted += c;
    }
  }
  return quoted + "\"";
}

std::string to_string(const RowMap& map) {
  std::vector<std::string> runs;
  for (const RowRun& run : map) {
    runs.push_back(run.token == kPadding ? fmt::format("pad*{}", run.count)
                                         : run_text(run.token, run.count));
  }
  return join(runs, " ");
}

std::string to_string(const std::vector<Move>& moves) {
  std::vector<std::string> texts;
  for (const Move& m : moves) {
    texts.push_back(fmt::format("{}>{}", run_text(m.from, m.count), m.to));
  }
  return join(texts, " ");
}

std::string to_string(const std::vector<ShareRange>& ranges) {
  std::vector<std::string> texts;
  for (const ShareRange& r : ranges) texts.push_back(run_text(r.first, r.last - r.first));
  return join(texts, ",");
}

}  // namespace lockstep
