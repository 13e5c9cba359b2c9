#include "sim/report/sweep_row.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <utility>

#include "sim/base/text.h"

namespace lockstep {
namespace {

// Of which less is better.
double cost(const SweepRow& row, std::size_t measure) {
  const double value = row.measures[measure].value_or(0);
  return kMeasures[measure].less_is_better ? value : -value;
}

// At least as good in everything. (Equal points do not shut each other out.)
bool covers(const SweepRow& a, const SweepRow& b, std::span<const std::size_t> pareto) {
  bool better = false;
  for (const std::size_t m : pareto) {
    if (cost(a, m) > cost(b, m)) return false;
    better = better || cost(a, m) < cost(b, m);
  }
  return better;
}

bool takes_part(const SweepRow& row, std::span<const std::size_t> pareto) {
  return row.is_good() && std::ranges::all_of(pareto, [&](std::size_t m) {
           return row.measures[m] && std::isfinite(*row.measures[m]);
         });
}

void add_mark(SweepRow& row, std::string_view mark) {
  row.marks += (row.marks.empty() ? "" : "; ") + std::string(mark);
}

// In order of the measures, one after the other, nobody covers who came before: each is held
// against the front only.
std::vector<SweepRow*> front(std::vector<SweepRow*> rows, std::span<const std::size_t> pareto) {
  std::ranges::stable_sort(rows, [&](const SweepRow* a, const SweepRow* b) {
    for (const std::size_t m : pareto) {
      if (cost(*a, m) != cost(*b, m)) return cost(*a, m) < cost(*b, m);
    }
    return false;
  });
  std::vector<SweepRow*> front;
  for (SweepRow* row : rows) {
    const auto shuts_out = [&](const SweepRow* other) { return covers(*other, *row, pareto); };
    if (std::ranges::none_of(front, shuts_out)) front.push_back(row);
  }
  return front;
}

}  // namespace

void SweepRow::set(std::size_t measure, double value) {
  measures[measure] = value;
  measures[measure] = std::stod(text_of(*this, measure));
}

std::string text_of(const SweepRow& row, std::size_t measure) {
  const std::optional<double>& value = row.measures[measure];
  return value ? fmt::format("{:.{}f}", *value, kMeasures[measure].decimals) : "";
}

Result<std::vector<std::size_t>> parse_measures(const std::string& text) {
  std::vector<std::string> names;
  for (const Measure& measure : kMeasures) names.emplace_back(measure.name);
  std::vector<std::size_t> measures;
  for (const std::string& name : split(text, ',')) {
    const auto found = std::ranges::find(names, name);
    if (found == names.end()) {
      const auto near = nearest(name, names);
      Diagnostic fault;
      fault.message = fmt::format("'{}' is no column of numbers", name);
      fault.hint = near ? fmt::format("did you mean {}?", *near) : join(names, ", ");
      return fault;
    }
    measures.push_back(static_cast<std::size_t>(found - names.begin()));
  }
  return measures;
}

void sort_by_values(std::vector<SweepRow>& rows) {
  using Numbered = std::pair<std::vector<std::pair<std::int64_t, std::string>>, std::size_t>;
  std::vector<Numbered> order;
  for (const SweepRow& row : rows) {
    Numbered& key = order.emplace_back();
    key.second = order.size() - 1;
    for (const std::string& value : row.values) {
      key.first.emplace_back(
          parse_integer(value).value_or(std::numeric_limits<std::int64_t>::max()), value);
    }
  }
  std::ranges::sort(order);
  std::vector<SweepRow> sorted;
  for (const Numbered& key : order) sorted.push_back(std::move(rows[key.second]));
  rows = std::move(sorted);
}

void mark(std::vector<SweepRow>& rows, std::span<const std::size_t> pareto) {
  std::vector<SweepRow*> part;
  for (SweepRow& row : rows) {
    row.marks.clear();
    if (takes_part(row, pareto)) part.push_back(&row);
  }
  if (part.empty()) return;
  for (SweepRow* row : front(part, pareto)) add_mark(*row, "front");
  for (const std::size_t m : pareto) {
    const auto best =
        *std::ranges::min_element(part, {}, [m](const SweepRow* row) { return cost(*row, m); });
    const double least = cost(*best, m);
    for (SweepRow* row : part) {
      if (cost(*row, m) <= least) add_mark(*row, fmt::format("best {}", kMeasures[m].name));
    }
  }
}

}  // namespace lockstep
