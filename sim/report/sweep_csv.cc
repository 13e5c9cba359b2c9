#include "sim/report/sweep_csv.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <utility>

#include "sim/base/text.h"

namespace lockstep {
namespace {

std::string field(const std::string& text) {
  if (text.find_first_of(",\"\n\r") == std::string::npos) return text;
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"') quoted += '"';
    quoted += c;
  }
  return quoted + '"';
}

std::string line(const std::vector<std::string>& fields) {
  std::vector<std::string> quoted;
  for (const std::string& text : fields) quoted.push_back(field(text));
  return join(quoted, ",") + "\n";
}

// Takes one record, with its end, from the front of `text`; none if the end is missing.
std::optional<std::vector<std::string>> take_record(std::string_view& text) {
  std::vector<std::string> fields(1);
  bool quoted = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (quoted) {
      const bool doubled = c == '"' && i + 1 < text.size() && text[i + 1] == '"';
      if (c == '"' && !doubled) {
        quoted = false;
      } else {
        fields.back() += c;
        if (doubled) ++i;
      }
    } else if (c == '"') {
      quoted = true;
    } else if (c == ',') {
      fields.emplace_back();
    } else if (c == '\n') {
      text.remove_prefix(i + 1);
      return fields;
    } else {
      fields.back() += c;
    }
  }
  return std::nullopt;
}

std::vector<std::string> columns(const std::vector<SweepAxis>& axes) {
  std::vector<std::string> names{"scenario"};
  for (const SweepAxis& axis : axes) names.push_back(axis.name());
  names.insert(names.end(), {"verdict", "code", "fits"});
  for (const Measure& measure : kMeasures) names.emplace_back(measure.name);
  names.insert(names.end(), {"marks", "reason"});
  return names;
}

std::string fits_text(const SweepRow& row) {
  if (!row.fits) return "";
  return *row.fits ? "yes" : "no";
}

// "" is none. False if it is no number that a measure can be: what is not finite or below 0 was
// never computed.
bool read_number(const std::string& text, std::optional<double>& out) {
  if (text.empty()) return true;
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  out = value;
  const bool whole = error == std::errc() && end == text.data() + text.size();
  return whole && std::isfinite(value) && value >= 0;
}

bool is_verdict(const std::string& text) {
  return text == "holds" || text == "violated" || text == "unknown" || text == "bad-input";
}

// Fills in `row`; why the fields are no row, or "". REQUIRES: as many fields as there are columns.
std::string read_row(const std::vector<std::string>& fields, std::size_t axes, SweepRow& row) {
  auto next = fields.begin() + 1;
  for (std::size_t i = 0; i < axes; ++i) row.values.push_back(*next++);
  row.verdict = *next++;
  if (!is_verdict(row.verdict)) return fmt::format("'{}' is no verdict", row.verdict);
  row.code = *next++;
  const std::string& fits = *next++;
  if (!fits.empty()) row.fits = fits == "yes";
  if (fits != fits_text(row)) return fmt::format("'fits' is '{}'", fits);
  for (std::size_t m = 0; m < kMeasures.size(); ++m, ++next) {
    if (!read_number(*next, row.measures[m]))
      return fmt::format("{} is '{}'", kMeasures[m].name, *next);
  }
  ++next;  // marks are made anew
  row.reason = *next;
  return "";
}

}  // namespace

std::string csv_header(const std::vector<SweepAxis>& axes) { return line(columns(axes)); }

std::string csv_line(const SweepRow& row, const std::string& scenario_hash) {
  std::vector<std::string> fields{scenario_hash};
  fields.insert(fields.end(), row.values.begin(), row.values.end());
  fields.insert(fields.end(), {row.verdict, row.code, fits_text(row)});
  for (std::size_t m = 0; m < kMeasures.size(); ++m) fields.push_back(text_of(row, m));
  fields.insert(fields.end(), {row.marks, row.reason});
  return line(fields);
}

std::string sweep_csv(const SweepResult& result) {
  std::string text = csv_header(result.axes);
  for (const SweepRow& row : result.rows) text += csv_line(row, result.hash);
  return text;
}

ReadRows read_csv(std::string_view text, const std::vector<SweepAxis>& axes,
                  const std::string& scenario_hash) {
  const std::vector<std::string> names = columns(axes);
  const auto header = take_record(text);
  if (!header || *header != names) return {};
  ReadRows read{true, false, {}, {}};
  int line = 2;
  for (std::string_view rest = text; const auto fields = take_record(rest); text = rest) {
    const std::string_view record = text.substr(0, text.size() - rest.size());
    const int begin =
        std::exchange(line, line + static_cast<int>(std::ranges::count(record, '\n')));
    if (fields->front() != scenario_hash) {
      read.has_others = true;
    } else if (fields->size() != names.size()) {
      const std::string why = fmt::format("{} columns, not {}", fields->size(), names.size());
      read.unread.push_back({{}, begin, why});
    } else {
      SweepRow row;
      const std::string why = read_row(*fields, axes.size(), row);
      if (why.empty()) {
        read.rows.push_back(std::move(row));
      } else {
        read.unread.push_back({std::move(row.values), begin, why});
      }
    }
  }
  return read;
}

}  // namespace lockstep
