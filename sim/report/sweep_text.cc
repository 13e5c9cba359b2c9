#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "sim/base/text.h"
#include "sim/report/sweep_report.h"

namespace lockstep {
namespace {

using Cells = std::vector<std::string>;

// The part of a path behind its last dot; the whole where two axes would look the same.
Cells short_names(const std::vector<SweepAxis>& axes) {
  std::map<std::string, int> uses;
  Cells names;
  for (const SweepAxis& axis : axes) {
    Cells parts;
    for (const std::string& path : axis.paths) parts.push_back(split(path, '.').back());
    names.push_back(join(parts, "+"));
    ++uses[names.back()];
  }
  for (std::size_t i = 0; i < axes.size(); ++i) {
    if (uses[names[i]] > 1) names[i] = axes[i].name();
  }
  return names;
}

// What is in no row needs no column.
std::vector<std::size_t> shown_measures(const SweepResult& result) {
  std::vector<std::size_t> shown;
  for (std::size_t m = 0; m < kMeasures.size(); ++m) {
    const auto has = [m](const SweepRow& row) { return row.measures[m].has_value(); };
    if (std::ranges::any_of(result.rows, has)) shown.push_back(m);
  }
  return shown;
}

// What became of a point, for the summary and the table alike: each point is one of these.
std::string outcome_of(const SweepRow& row) {
  return row.verdict == "holds" && !row.is_good() ? "does not fit" : row.verdict;
}
// Of a violation the table says which.
std::string verdict_of(const SweepRow& row) {
  return row.code.empty() ? outcome_of(row) : row.code;
}

// The first line of it, and not all of a long one.
std::string short_reason(const std::string& reason) {
  constexpr std::size_t kWidth = 60;
  return reason.size() <= kWidth ? reason : reason.substr(0, kWidth - 3) + "...";
}

Cells cells_of(const SweepRow& row, const std::vector<std::size_t>& measures) {
  Cells cells = row.values;
  cells.push_back(verdict_of(row));
  for (const std::size_t m : measures) cells.push_back(text_of(row, m));
  cells.push_back(row.marks.empty() ? short_reason(row.reason) : row.marks);
  return cells;
}

// Numbers stand to the right, the last column has no end.
std::string lay_out(const Cells& cells, const std::vector<std::size_t>& widths,
                    std::size_t first_number) {
  std::string line;
  for (std::size_t i = 0; i + 1 < cells.size(); ++i) {
    const bool is_number = i >= first_number;
    line += is_number ? fmt::format("{:>{}}  ", cells[i], widths[i])
                      : fmt::format("{:<{}}  ", cells[i], widths[i]);
  }
  line += cells.back();
  return line.substr(0, line.find_last_not_of(' ') + 1);
}

std::string table(const SweepResult& result, const std::vector<const SweepRow*>& rows,
                  const Style& style) {
  const std::vector<std::size_t> measures = shown_measures(result);
  Cells head = short_names(result.axes);
  head.emplace_back("verdict");
  for (const std::size_t m : measures) head.emplace_back(kMeasures[m].name);
  head.emplace_back("");
  std::vector<Cells> lines;
  for (const SweepRow* row : rows) lines.push_back(cells_of(*row, measures));
  std::vector<std::size_t> widths;
  for (std::size_t i = 0; i < head.size(); ++i) {
    widths.push_back(head[i].size());
    for (const Cells& line : lines) widths[i] = std::max(widths[i], line[i].size());
  }
  const std::size_t first_number = result.axes.size() + 1;
  std::string text = style.strong(lay_out(head, widths, first_number)) + "\n";
  for (std::size_t i = 0; i < lines.size(); ++i) {
    const std::string line = lay_out(lines[i], widths, first_number);
    const bool is_best = !rows[i]->marks.empty();
    text += (is_best ? style.good(line) : rows[i]->is_good() ? line : style.faint(line)) + "\n";
  }
  return text;
}

// "12 points: 4 does not fit, 6 holds, 2 violated": in the words of the table; they add up. Where
// rows are kept: "12 points and 3 more rows of the file: ...".
std::string count(const SweepResult& result) {
  std::map<std::string, int> outcomes;
  for (const SweepRow& row : result.rows) ++outcomes[outcome_of(row)];
  const auto points = result.points().size();
  std::string text = points == 1 ? "1 point" : fmt::format("{} points", points);
  if (result.seed) text += fmt::format(" of {}, seed {}", result.grid, *result.seed);
  if (result.kept == 1) text += " and 1 more row of the file";
  if (result.kept > 1) text += fmt::format(" and {} more rows of the file", result.kept);
  Cells parts;
  for (const auto& [outcome, number] : outcomes) {
    parts.push_back(fmt::format("{} {}", number, outcome));
  }
  text += ": " + join(parts, ", ") + "\n";
  if (result.kept == 0) return text;
  return text + fmt::format("front and best are of all {} rows\n", result.rows.size());
}

}  // namespace

std::string sweep_text(const SweepResult& result, const Style& style, bool all) {
  const bool short_table = !all && result.rows.size() > kShownRows;
  std::vector<const SweepRow*> rows;
  for (const SweepRow& row : result.rows) {
    if (!short_table || !row.marks.empty()) rows.push_back(&row);
  }
  std::string text = style.strong(result.scenario) + ": " + count(result);
  if (!rows.empty()) text += table(result, rows, style);
  if (short_table) {
    text += fmt::format("{} more without a mark (--all)\n", result.rows.size() - rows.size());
  }
  return text;
}

}  // namespace lockstep
