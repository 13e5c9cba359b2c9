// The short texts inside a plan: ranks, runs of rows, moves and shares.
#include <limits>
#include <string_view>

#include "sim/base/text.h"
#include "sim/plan/parse_state.h"
#include "sim/plan/validate.h"

namespace lockstep {
namespace {

constexpr int kLargestInt = std::numeric_limits<int>::max();

// "5" or "0-1023" as first and count; counts stay below kRowLimit.
std::optional<RowRun> parse_run(std::string_view text) {
  const std::size_t dash = text.find('-');
  const auto first = parse_integer(text.substr(0, dash));
  const auto last = dash == std::string_view::npos ? first : parse_integer(text.substr(dash + 1));
  const bool sane = first && last && *first >= 0 && *last >= *first && *last < kRowLimit;
  if (!sane) return std::nullopt;
  return RowRun{*first, *last - *first + 1};
}

std::vector<std::string> words(const std::string& text) {
  std::vector<std::string> parts = split(text, ' ');
  std::erase(parts, "");
  return parts;
}

}  // namespace

std::optional<std::vector<int>> parse_ranks(const std::string& text, int world) {
  std::vector<int> ranks;
  if (text.empty()) return ranks;
  for (const std::string& part : split(text, ',')) {
    const std::optional<RowRun> run = parse_run(part);
    const bool fits = run && run->token + run->count <= world &&
                      static_cast<std::int64_t>(ranks.size()) + run->count <= world;
    if (!fits) return std::nullopt;
    for (std::int64_t i = 0; i < run->count; ++i) ranks.push_back(static_cast<int>(run->token + i));
  }
  return ranks;
}

std::optional<RowMap> parse_row_map(const std::string& text) {
  constexpr std::string_view kPad = "pad*";
  RowMap map;
  for (const std::string& word : words(text)) {
    std::optional<RowRun> run = parse_run(word);
    if (word.starts_with(kPad)) {
      const auto count = parse_integer(std::string_view(word).substr(kPad.size()));
      if (count && *count > 0 && *count < kRowLimit) run = RowRun{kPadding, *count};
    }
    if (!run) return std::nullopt;
    map.push_back(*run);
  }
  return map;
}

std::optional<std::vector<Move>> parse_move_list(const std::string& text) {
  std::vector<Move> moves;
  for (const std::string& word : words(text)) {
    const std::size_t arrow = word.find('>');
    if (arrow == std::string::npos) return std::nullopt;
    const std::optional<RowRun> from = parse_run(std::string_view(word).substr(0, arrow));
    const auto to = parse_integer(std::string_view(word).substr(arrow + 1));
    if (!from || !to || *to < 0 || *to >= kRowLimit) return std::nullopt;
    moves.push_back({from->token, *to, from->count});
  }
  return moves;
}

std::optional<std::vector<ShareRange>> parse_share_ranges(const std::string& text) {
  std::vector<ShareRange> ranges;
  if (text.empty()) return ranges;
  for (const std::string& part : split(text, ',')) {
    const std::optional<RowRun> run = parse_run(part);
    if (!run || run->token + run->count > kLargestInt) return std::nullopt;
    ranges.push_back({static_cast<int>(run->token), static_cast<int>(run->token + run->count)});
  }
  return ranges;
}

}  // namespace lockstep
