#include "tests/differential/factors.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <optional>
#include <set>
#include <utility>
#include <vector>

namespace lockstep::test {
namespace {

using Lines = std::vector<const contract::Coefficient*>;
using Rows = std::set<std::pair<int, int>>;  // rank, token

// The numbers of "0-3,7".
std::vector<int> numbers(const std::string& text) {
  const auto set = parse_rank_set(text);
  return set ? set->to_vector() : std::vector<int>{};
}

Rows rows_of(const Lines& lines) {
  Rows rows;
  for (const contract::Coefficient* line : lines) {
    for (const int rank : line->ranks.to_vector()) {
      for (const int token : numbers(line->rows)) rows.insert({rank, token});
    }
  }
  return rows;
}

// The coefficient of `term` on all of `rows`, for every share; none where there is no such one.
std::optional<double> common_coefficient(const Lines& all, const Term& term, const Rows& rows) {
  Lines lines;
  std::size_t shares = 0;
  for (const contract::Coefficient* line : all) {
    if (line->term != term.name) continue;
    if (!lines.empty() && lines.front()->value != line->value) return {};
    lines.push_back(line);
    shares += rows_of({line}).size() * numbers(line->shares).size();
  }
  const std::size_t owed = rows.size() * static_cast<std::size_t>(term.shares);
  if (lines.empty() || shares != owed) return {};
  return lines.front()->value.to_double();
}

// The violations that one obligation found.
struct Place {
  const numeric::Comparison* measured = nullptr;
  std::vector<const contract::Violation*> violations;

  Lines lines() const {
    Lines all;
    for (const contract::Violation* v : violations) {
      for (const contract::Coefficient& line : v->coefficients) all.push_back(&line);
    }
    return all;
  }
};

// The one operand of `operation` that is wrong; nullptr if there are more.
const numeric::Comparison* only_wrong(const numeric::ReplayResult& replayed, int operation) {
  const numeric::Comparison* found = nullptr;
  for (const numeric::Comparison& c : replayed.comparisons) {
    if (c.operation != operation || c.met) continue;
    if (found != nullptr) return nullptr;
    found = &c;
  }
  return found;
}

// Those that can be compared: a violation names no operand, and rows of another token or of no
// number have no coefficients.
std::vector<Place> places(const contract::CheckResult& checked,
                          const numeric::ReplayResult& replayed) {
  std::map<int, Place> by_operation;
  for (const contract::Violation& v : checked.violations) {
    by_operation[v.consumer.index].violations.push_back(&v);
  }
  std::vector<Place> found;
  for (auto& [operation, place] : by_operation) {
    place.measured = only_wrong(replayed, operation);
    const bool has_coefficients = std::ranges::all_of(
        place.violations, [](const auto* v) { return !v->coefficients.empty(); });
    if (place.measured != nullptr && has_coefficients) found.push_back(std::move(place));
  }
  return found;
}

// The coefficients that least squares must find, by the name of the term; none where what the
// obligation holds is no sum of multiples of the terms that it owes.
std::map<std::string, double> expected(const Plan& plan, const Place& place) {
  const Lines lines = place.lines();
  const Rows rows = rows_of(lines);
  std::vector<int> ranks;
  for (const auto& [rank, token] : rows) ranks.push_back(rank);
  if (RankSet::of(ranks) != place.measured->wrong) return {};
  std::map<std::string, double> coefficients;
  const Operation& op = plan.operations[static_cast<std::size_t>(place.measured->operation)];
  const Operand& in = op.in[static_cast<std::size_t>(place.measured->operand)];
  for (const TermId id : plan.spec(in.expect).terms) {
    const Term& term = plan.term(id);
    const auto is_line = [&](const contract::Coefficient* line) { return line->term == term.name; };
    if (std::ranges::none_of(lines, is_line)) continue;
    const auto coefficient = common_coefficient(lines, term, rows);
    const bool one_each = coefficient && term.combine == Reduction::sum;
    if (!one_each || !coefficients.emplace(term.name, *coefficient).second) return {};
  }
  const bool all_owed = std::ranges::all_of(
      lines, [&](const contract::Coefficient* line) { return coefficients.contains(line->term); });
  return all_owed ? coefficients : std::map<std::string, double>{};
}

// The difference in tolerances of what is about `right`.
double difference(double measured, double right, double tolerance) {
  return std::abs(measured - right) / (tolerance * std::max(1.0, std::abs(right)));
}

// A factor of a double reduction is the coefficient of each of its terms.
std::string factor_differs(const contract::Violation& v, const std::map<std::string, double>& right,
                           FactorCount& count) {
  if (v.code != contract::Code::double_reduction || !v.factor) return {};
  ++count.factors;
  for (const std::string& term : v.terms) {
    if (right.at(term) == v.factor->to_double()) continue;
    return fmt::format("operation {}, {}: the factor is {}, the coefficient {}", v.consumer.index,
                       term, to_string(*v.factor), right.at(term));
  }
  return {};
}

std::string scale_differs(const numeric::Comparison& measured, const std::string& name,
                          double scale, double right, double tolerance, FactorCount& count) {
  const double apart = difference(scale, right, tolerance);
  count.worst = std::max(count.worst, apart);
  if (apart <= 1) return {};
  return fmt::format("operation {}, {}: checker says {} times, replay {} ({:.3g} tolerances)",
                     measured.operation, name, right, scale, apart);
}

std::string compare(const Plan& plan, const Place& place, double tolerance, FactorCount& count) {
  const numeric::Comparison& measured = *place.measured;
  const std::map<std::string, double> right = expected(plan, place);
  if (right.empty()) return {};
  count.compared += static_cast<int>(place.violations.size());
  std::string why;
  for (const contract::Violation* v : place.violations) {
    if (why.empty()) why = factor_differs(*v, right, count);
  }
  const double first = right.begin()->second;
  const bool all = right.size() == measured.terms.size() &&
                   std::ranges::all_of(right, [&](const auto& t) { return t.second == first; });
  if (all) ++count.scales;
  if (all && why.empty()) {
    why = scale_differs(measured, "all", measured.scale, first, tolerance, count);
  }
  for (const numeric::TermScale& term : measured.terms) {
    if (!why.empty() || !right.contains(term.term)) continue;
    ++count.terms;
    why = scale_differs(measured, term.term, term.scale, right.at(term.term), tolerance, count);
  }
  return why;
}

}  // namespace

std::string text_of(const FactorCount& count) {
  return fmt::format(
      "{} violations, {} compared: {} factors, {} scales, {} terms, at most {:.2g} tolerances "
      "apart",
      count.violations, count.compared, count.factors, count.scales, count.terms, count.worst);
}

std::string factors_differ(const Plan& plan, const contract::CheckResult& checked,
                           const numeric::ReplayResult& replayed, FactorCount& count) {
  const int end =
      checked.stopped_at < 0 ? static_cast<int>(plan.operations.size()) : checked.stopped_at;
  for (const Place& place : places(checked, replayed)) {
    if (place.measured->operation >= end) continue;
    count.violations += static_cast<int>(place.violations.size());
    const std::string why = compare(plan, place, replayed.tolerance, count);
    if (!why.empty()) return why;
  }
  return {};
}

}  // namespace lockstep::test
