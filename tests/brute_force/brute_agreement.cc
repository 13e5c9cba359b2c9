#include "tests/brute_force/brute_agreement.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "sim/base/text.h"
#include "sim/report/check_report.h"

namespace lockstep::test {
namespace {

std::string text_of(const Plan& plan, const contract::CheckResult& result) {
  return check_json({plan.name, plan, result, {}, {}, 0, 0, 0}).dump(1);
}

std::string at(const Plan& plan, std::pair<int, int> place) {
  const Operation& op = plan.operations[static_cast<std::size_t>(place.first)];
  return fmt::format("operation {} ({}) operand {}", place.first, to_string(op.kind), place.second);
}

// Obligations that all who execute the operation came to.
std::map<std::pair<int, int>, RankSet> reached(const Plan& plan, const BruteForce& brute) {
  std::map<std::pair<int, int>, RankSet> all;
  for (const auto& [place, judgement] : brute.obligations) {
    const Operation& op = plan.operations[static_cast<std::size_t>(place.first)];
    const int executing = op.ranks.empty() ? plan.world : op.ranks.size();
    if (static_cast<int>(judgement.judged.size()) != executing) continue;
    all[place] = RankSet::of({judgement.wrong.begin(), judgement.wrong.end()});
  }
  return all;
}

std::string obligations_differ(const Plan& plan, const contract::CheckResult& checked,
                               const BruteForce& brute) {
  std::map<std::pair<int, int>, RankSet> mine = reached(plan, brute);
  for (const contract::Obligation& o : checked.obligations) {
    const std::pair place{o.operation, o.operand};
    const auto other = mine.find(place);
    if (other == mine.end()) return at(plan, place) + ": the brute force did not get there";
    if (o.wrong != other->second || o.met != o.wrong.empty()) {
      return fmt::format("{}: checker finds ranks {} wrong, brute force ranks {}", at(plan, place),
                         to_string(o.wrong), to_string(other->second));
    }
    mine.erase(other);
  }
  if (mine.empty()) return {};
  return at(plan, mine.begin()->first) + ": only the brute force got there";
}

TermId term_named(const Plan& plan, const std::string& name) {
  const auto found = std::ranges::find(plan.terms, name, &Term::name);
  return TermId{static_cast<std::int32_t>(found - plan.terms.begin())};
}

// Handles are opened by the brute force and closed by the checker, so only what is in none is
// compared.
bool is_in_a_closing(const Plan& plan, TermId term) {
  return std::ranges::any_of(plan.closings, [term](const Closing& c) {
    return c.handle == term || std::ranges::find(c.parts, term) != c.parts.end();
  });
}

// The numbers of "0-3,7".
std::vector<int> numbers(const std::string& text) {
  const auto set = parse_rank_set(text);
  return set ? set->to_vector() : std::vector<int>{};
}

// What the brute force found of the operands of `operation`, by rank and token.
using Actual = std::map<std::pair<int, std::int64_t>, std::vector<Cell>>;

Actual actual_of(const BruteForce& brute, int operation) {
  Actual actual;
  for (const auto& [place, judgement] : brute.obligations) {
    if (place.first != operation) continue;
    for (const WrongRow& row : judgement.rows) {
      std::vector<Cell>& cells = actual[{row.rank, row.token}];
      cells.insert(cells.end(), row.actual.begin(), row.actual.end());
    }
  }
  return actual;
}

bool holds_times(const std::vector<Cell>& cells, const Share& share, Rational times) {
  return std::ranges::any_of(cells, [&](const Cell& cell) {
    // Of what is lost the checker may say that nothing is there.
    if (cell.lost) return true;
    const auto found = cell.sums.find(share);
    return (found == cell.sums.end() ? Rational(0) : found->second) == times;
  });
}

std::string coefficient_differs(const Plan& plan, const Actual& actual,
                                const contract::Coefficient& line) {
  const TermId term = term_named(plan, line.term);
  const bool plain = plan.term(term).combine == Reduction::sum;
  if (!plain || is_in_a_closing(plan, term)) return {};
  for (const int rank : line.ranks.to_vector()) {
    for (const int token : numbers(line.rows)) {
      const auto row = actual.find({rank, token});
      if (row == actual.end()) {
        return fmt::format("rank {} token {}: a coefficient of {} on a row that is right", rank,
                           token, line.term);
      }
      for (const int share : numbers(line.shares)) {
        if (holds_times(row->second, {term, share, token}, line.value)) continue;
        return fmt::format("rank {} token {}: share {} of {} is not there {} times", rank, token,
                           share, line.term, to_string(line.value));
      }
    }
  }
  return {};
}

std::string coefficients_differ(const Plan& plan, const contract::CheckResult& checked,
                                const BruteForce& brute) {
  for (const contract::Violation& v : checked.violations) {
    const Actual actual = actual_of(brute, v.consumer.index);
    for (const contract::Coefficient& line : v.coefficients) {
      const std::string why = coefficient_differs(plan, actual, line);
      if (!why.empty()) return fmt::format("operation {}, {}", v.consumer.index, why);
    }
  }
  return {};
}

}  // namespace

std::string disagreement(const Plan& plan, const contract::CheckResult& checked,
                         const BruteForce& brute) {
  if (checked.verdict == contract::Verdict::unknown) return "the checker does not know";
  if ((checked.verdict == contract::Verdict::violated) != brute.violated) {
    return fmt::format("checker says {}, brute force {}", contract::to_string(checked.verdict),
                       brute.violated ? "violated" : "holds");
  }
  if (checked.stopped_at != brute.stopped_at) {
    return fmt::format("checker stops at {}, brute force at {} ({})", checked.stopped_at,
                       brute.stopped_at, brute.why);
  }
  if (brute.unordered) return {};
  std::string why = obligations_differ(plan, checked, brute);
  return why.empty() ? coefficients_differ(plan, checked, brute) : why;
}

std::string difference_of(const Plan& plan, const contract::CheckResult& a,
                          const contract::CheckResult& b) {
  if (a.obligations != b.obligations) return "the obligations differ";
  if (a.stopped_at != b.stopped_at) return "the stops differ";
  const std::string mine = text_of(plan, a);
  const std::string theirs = text_of(plan, b);
  return mine == theirs ? "" : fmt::format("\n{}\nagainst\n{}", mine, theirs);
}

}  // namespace lockstep::test
