#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "sim/base/text.h"
#include "sim/plan/diff.h"
#include "sim/report/check_report.h"

namespace lockstep {
namespace {

constexpr std::size_t kShownAtFirst = 3;

std::string operation_line(const Plan& plan, const contract::OperationRef& ref) {
  const Operation& op = plan.operations[static_cast<std::size_t>(ref.index)];
  std::string text = ref.line > 0
                         ? fmt::format("line {} (operation {}): {}", ref.line, ref.index, ref.kind)
                         : fmt::format("operation {}: {}", ref.index, ref.kind);
  if (!ref.name.empty() && ref.name != ref.kind) text += fmt::format(" ({})", ref.name);
  if (op.group.exists()) text += fmt::format(" over {}", plan.group(op.group).role);
  return text;
}

std::string place(const Site& site) {
  std::string text =
      site.layer >= 0 ? fmt::format("layer {}, {}", site.layer, site.module) : site.module;
  return site.step > 0 ? fmt::format("step {}, {}", site.step, text) : text;
}

std::string line(const char* label, const std::string& text) {
  return fmt::format("  {:<12}{}\n", label, text);
}

std::string source_of(const Reason& reason) {
  std::vector<std::string> changes;
  for (const int change : reason.changes) changes.push_back(fmt::format("#{}", change));
  std::string text = reason.file;
  if (!reason.function.empty()) text += ", " + reason.function;
  if (!changes.empty()) text += "; " + join(changes, ", ");
  return text;
}

std::string because_lines(const Plan& plan, const std::vector<ReasonId>& because,
                          const Style& style) {
  std::string text;
  for (const ReasonId id : because) {
    const Reason& reason = plan.reason(id);
    text += line(text.empty() ? "because" : "", reason_text(reason));
    text += line("", style.faint("  " + source_of(reason)));
  }
  return text;
}

// The ledger with ranks that agree on one line; which rows are whose is in the JSON.
std::string ledger_lines(const contract::Violation& v) {
  constexpr std::size_t kMost = 8;
  struct Line {
    const contract::Coefficient* first;
    RankSet ranks;
    bool same_rows = true;
  };
  std::vector<Line> lines;
  for (const contract::Coefficient& c : v.coefficients) {
    const auto same = std::ranges::find_if(lines, [&c](const Line& l) {
      return l.first->term == c.term && l.first->shares == c.shares && l.first->value == c.value;
    });
    if (same == lines.end()) {
      lines.push_back({&c, c.ranks});
      continue;
    }
    for (const int rank : c.ranks.to_vector()) same->ranks.insert(rank);
    same->same_rows = same->same_rows && same->first->rows == c.rows;
  }
  std::string text;
  for (std::size_t i = 0; i < std::min(kMost, lines.size()); ++i) {
    const contract::Coefficient& c = *lines[i].first;
    text += line(i == 0 ? "sums" : "",
                 fmt::format("{} times {}[{}] on ranks {}, {}", to_string(c.value), c.term,
                             c.shares, to_string(lines[i].ranks),
                             lines[i].same_rows ? "tokens " + c.rows : "each its own rows"));
  }
  if (lines.size() > kMost) {
    text += line("", fmt::format("and {} more lines (--json has all)", lines.size() - kMost));
  }
  return text;
}

std::string explained_lines(const std::vector<Explanation>& explanations) {
  constexpr std::size_t kMost = 3;
  std::string text;
  for (std::size_t i = 0; i < std::min(kMost, explanations.size()); ++i) {
    const Explanation& e = explanations[i];
    text += fmt::format("  {} #{}, {} this revision: {} it this {}\n",
                        i == 0 ? "explained by" : "          and", e.pull_request,
                        e.added ? "not in" : "in", e.added ? "with" : "without",
                        e.holds ? "holds" : "block holds, others do not");
  }
  if (explanations.size() > kMost) {
    text += fmt::format("{:15}{} more (--json has all)\n", "", explanations.size() - kMost);
  }
  return text;
}

std::string violation_text(const Plan& plan, const contract::Violation& v,
                           const std::vector<Explanation>& explanations, const Style& style) {
  std::string text =
      fmt::format("\n{}  {}", style.bad(to_string(v.code)), style.strong(place(v.site)));
  if (v.factor) text += style.strong(fmt::format(", x{}", to_string(*v.factor)));
  text += fmt::format("\n  {}\n", v.message);
  if (v.operation.index >= 0) {
    std::string where = operation_line(plan, v.operation);
    if (v.group_size > 0) where += fmt::format(", {} ranks", v.group_size);
    text += line("broken at", where);
  }
  if (v.producer.index >= 0) text += line("produced by", operation_line(plan, v.producer));
  const bool elsewhere = v.consumer.index >= 0 && v.consumer.index != v.operation.index;
  if (elsewhere) text += line("found at", operation_line(plan, v.consumer));
  if (!v.ranks.empty()) text += line("ranks", to_string(v.ranks));
  text += ledger_lines(v);
  for (std::size_t i = 0; i < v.cycle.size(); ++i) {
    text += line(i == 0 ? "waiting" : "", fmt::format("{} in operation {} ({})", v.cycle[i].name,
                                                      v.cycle[i].index, v.cycle[i].kind));
  }
  text += because_lines(plan, v.because, style);
  text += explained_lines(explanations);
  if (!v.repaired_to.empty()) text += line("repaired to", v.repaired_to);
  if (!v.stopped_at.empty()) text += line("stopped", v.stopped_at);
  return text;
}

std::string fixes_text(const std::vector<Fix>& fixes, const Style& style) {
  if (fixes.empty()) return {};
  std::string text = "\n" + style.strong("fixes") + ", each applied and checked (--apply-fix N)\n";
  for (std::size_t i = 0; i < fixes.size(); ++i) {
    text += fmt::format("  {}  {} ({})\n", i + 1, fixes[i].description, fixes[i].kind);
  }
  return text;
}

std::string summary(const contract::CheckResult& result) {
  std::map<std::string, int> codes;
  for (const contract::Violation& v : result.violations) ++codes[to_string(v.code)];
  std::vector<std::string> parts;
  for (const auto& [code, count] : codes) parts.push_back(fmt::format("{} {}", count, code));
  return join(parts, ", ");
}

std::string verdict_text(const contract::CheckResult& result, const Style& style) {
  const std::string verdict = to_string(result.verdict);
  if (result.verdict == contract::Verdict::holds) return style.good(verdict);
  if (result.violations.empty()) return style.bad(verdict);
  return style.bad(verdict) + " (" + summary(result) + ")";
}

}  // namespace

std::string subject_line(const std::string& scenario, const Origin& origin) {
  std::string text = scenario;
  if (!origin.system.empty()) text += ", " + origin.system;
  if (!origin.asked.empty()) text += " at " + origin.asked;
  if (!origin.resolved_after.empty()) {
    text += fmt::format(" (rules after {}{}{})", origin.resolved_after,
                        origin.epoch.empty() ? "" : ", ", origin.epoch);
  }
  return text;
}

std::string check_text(const CheckedPlan& checked, const Style& style, bool all) {
  const contract::CheckResult& result = checked.result;
  std::string text = fmt::format("{}: {}\n", subject_line(checked.scenario, checked.plan.origin),
                                 verdict_text(result, style));
  for (const std::string& note : checked.plan.notes) text += "  note: " + note + "\n";
  for (const std::string& why : result.unknown) text += "  unknown: " + why + "\n";
  const std::size_t shown =
      all ? result.violations.size() : std::min(kShownAtFirst, result.violations.size());
  for (std::size_t i = 0; i < shown; ++i) {
    const bool asked = i < checked.explained.size();
    text += violation_text(checked.plan, result.violations[i],
                           asked ? checked.explained[i] : std::vector<Explanation>{}, style);
  }
  if (shown < result.violations.size()) {
    text += fmt::format("\nand {} more (--all prints them)\n", result.violations.size() - shown);
  }
  if (!result.reach.empty()) {
    text +=
        fmt::format("\nreach: {} boundaries hold wrong values, the first at {}, the last at {}\n",
                    result.reach.size(), place(result.reach.front()), place(result.reach.back()));
  }
  return text + fixes_text(checked.fixes, style);
}

}  // namespace lockstep
