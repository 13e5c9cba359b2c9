#include "sim/cost/nccl/log_table.h"

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <utility>

namespace lockstep {
namespace {

bool is_digit(char c) { return std::isdigit(static_cast<unsigned char>(c)) != 0; }

bool is_figure(const std::string& word) { return figure(word) || word == "N/A"; }

// '0' stands for any digit.
bool has_form(const std::string& word, std::string_view form) {
  return std::ranges::equal(word, form,
                            [](char c, char f) { return f == '0' ? is_digit(c) : c == f; });
}

// "2025-11-20 10:31:07", of -S 1
void drop_stamp(std::vector<std::string>& words) {
  const std::size_t n = words.size();
  if (n < 2 || !has_form(words[n - 2], "0000-00-00") || !has_form(words[n - 1], "00:00:00")) return;
  words.resize(n - 2);
}

// Where size, count and type stand; words.size(): nowhere. Before them: a launcher's prefix.
std::size_t start_of_row(const std::vector<std::string>& words) {
  for (std::size_t i = 0; i + 2 < words.size(); ++i) {
    if (whole_number(words[i]) && whole_number(words[i + 1]) && bytes_of_type(words[i + 2]) > 0) {
      return i;
    }
  }
  return words.size();
}

void take_figures(const std::vector<std::string>& figures, const NcclColumns& columns,
                  std::size_t each, NcclRow& row) {
  const bool in_place_only = figures[0] == "N/A" && figures.size() > each;
  const std::size_t at = in_place_only ? each : 0;
  row.time = printed(figures[at]);
  row.algorithm = printed(figures[at + columns.algorithm]);
  row.bus = printed(figures[at + columns.bus]);
  if (!columns.wrong) return;
  for (std::size_t i = *columns.wrong; i < figures.size(); i += each) {
    row.wrong.push_back(figures[i]);
  }
}

}  // namespace

std::vector<std::string> words_of(const std::string& line) {
  std::vector<std::string> words;
  std::string word;
  for (const char c : line) {
    if (std::isspace(static_cast<unsigned char>(c)) == 0) {
      word += c;
    } else if (!word.empty()) {
      words.push_back(std::move(word));
      word.clear();
    }
  }
  if (!word.empty()) words.push_back(std::move(word));
  return words;
}

std::optional<std::int64_t> whole_number(const std::string& word) {
  char* end = nullptr;
  const long long value = std::strtoll(word.c_str(), &end, 10);
  if (word.empty() || *end != '\0') return std::nullopt;
  return value;
}

std::optional<double> figure(const std::string& word) {
  char* end = nullptr;
  const double value = std::strtod(word.c_str(), &end);
  if (word.empty() || *end != '\0') return std::nullopt;
  return value;
}

int bytes_of_type(const std::string& word) {
  struct Type {
    std::string_view name;
    int bytes;
  };
  constexpr Type kTypes[] = {
      {"int8", 1},   {"uint8", 1},    {"int32", 4},    {"uint32", 4},
      {"int64", 8},  {"uint64", 8},   {"half", 2},     {"float", 4},
      {"double", 8}, {"bfloat16", 2}, {"fp8_e4m3", 1}, {"fp8_e5m2", 1},
      {"f8e4m3", 1}, {"f8e5m2", 1},   {"char", 1},     {"int", 4},
  };
  for (const Type& type : kTypes) {
    if (word == type.name) return type.bytes;
  }
  return 0;
}

std::optional<std::int64_t> number_after(const std::vector<std::string>& words,
                                         std::string_view key) {
  for (std::size_t i = 0; i + 1 < words.size(); ++i) {
    if (words[i] == key) return whole_number(words[i + 1]);
  }
  return std::nullopt;
}

Printed printed(const std::string& word) {
  const auto value = figure(word);
  if (!value) return {};
  double half = 0.5;
  const std::size_t exponent = word.find_first_of("eE");
  const std::string digits = word.substr(0, exponent);
  const std::size_t point = digits.find('.');
  std::int64_t shift =
      point == std::string::npos ? 0 : -static_cast<std::int64_t>(digits.size() - point - 1);
  if (exponent != std::string::npos) shift += whole_number(word.substr(exponent + 1)).value_or(0);
  shift = std::clamp<std::int64_t>(shift, -30, 30);
  for (; shift < 0; ++shift) half /= 10;
  for (; shift > 0; --shift) half *= 10;
  return {*value, half, true};
}

std::optional<NcclColumns> columns_of(const std::vector<std::string>& words) {
  const auto is_time = [](const std::string& word) { return word == "time" || word == "cputime"; };
  const auto first = std::ranges::find_if(words, [](const std::string& word) {
    return word == "size" || word == "bytes" || word == "#size" || word == "#bytes";
  });
  const auto time = std::find_if(first, words.end(), is_time);
  if (time == words.end()) return std::nullopt;
  NcclColumns columns;
  columns.known = true;
  columns.root = std::find(first, time, "root") != time;
  columns.milliseconds = first->ends_with("bytes") && std::find(first, time, "N") != time;
  columns.host_time = *time == "cputime";
  const auto end = std::find_if(time + 1, words.end(), [&](const std::string& word) {
    return is_time(word) || word == "timestamp";
  });
  const auto place = [&](std::string_view name) -> std::optional<std::size_t> {
    const auto found = std::find(time, end, name);
    if (found == end) return std::nullopt;
    return static_cast<std::size_t>(found - time);
  };
  if (!place("algbw") || !place("busbw")) return std::nullopt;
  columns.figures = static_cast<std::size_t>(end - time);
  columns.groups = static_cast<int>(std::count_if(time, words.end(), is_time));
  columns.algorithm = *place("algbw");
  columns.bus = *place("busbw");
  columns.counts_wrong = place("#wrong").has_value();
  columns.wrong = columns.counts_wrong ? place("#wrong")
                  : place("error")     ? place("error")
                                       : place("res");
  return columns;
}

ReadRow read_row(std::vector<std::string> words, const NcclColumns& columns) {
  const std::size_t first = start_of_row(words);
  if (first >= words.size()) return {};
  drop_stamp(words);
  ReadRow read;
  read.state = RowState::part;
  NcclRow& row = read.row;
  row.bytes = *whole_number(words[first]);
  row.count = *whole_number(words[first + 1]);
  row.element_bytes = bytes_of_type(words[first + 2]);
  std::size_t at = first + 3;
  if (at < words.size() && !is_figure(words[at])) row.operation = words[at++];
  const std::size_t left = words.size() - at;
  const bool root = columns.known ? columns.root : left % columns.figures == 1;
  if (root) ++at;
  if (left < columns.figures + (root ? 1 : 0)) return read;
  const std::vector<std::string> figures(words.begin() + static_cast<std::ptrdiff_t>(at),
                                         words.end());
  // -I 1 adds four figures to each group, whether or not the head that was kept says so.
  const std::size_t each = figures.size() == 16 ? 8 : columns.figures;
  const std::size_t groups = figures.size() / each;
  if (figures.size() % each != 0 || groups > 2) return read;
  if (!std::ranges::all_of(figures, is_figure)) return read;
  take_figures(figures, columns, each, row);
  read.groups = static_cast<int>(groups);
  read.state = RowState::whole;
  return read;
}

bool has_whole_elements(const NcclRow& row) {
  if (row.count <= 0 || row.count > row.bytes) return false;
  return row.bytes % row.count == 0 && row.bytes / row.count % row.element_bytes == 0;
}

bool is_all_figures(std::vector<std::string> words) {
  drop_stamp(words);
  return !words.empty() && std::ranges::all_of(words, is_figure);
}

}  // namespace lockstep
