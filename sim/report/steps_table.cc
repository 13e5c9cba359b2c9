#include <fmt/format.h>

#include <algorithm>

#include "sim/report/check_report.h"

namespace lockstep {
namespace {

// Ranks whose states read alike stand on one line, each with its own rows.
struct Line {
  RankSet ranks;
  contract::RankState state;
};

std::vector<Line> merged(const std::vector<contract::RankState>& states) {
  std::vector<Line> lines;
  for (const contract::RankState& s : states) {
    const auto same = std::ranges::find_if(lines, [&s](const Line& line) {
      return line.state.value == s.value && line.state.state == s.state;
    });
    if (same == lines.end()) {
      lines.push_back({RankSet::range(s.rank, 1), s});
      continue;
    }
    same->ranks.insert(s.rank);
    if (same->state.rows != s.rows) same->state.rows = "each its own";
  }
  return lines;
}

std::string heading(const Plan& plan, const contract::OperationStates& states) {
  const Operation& op = plan.operations[static_cast<std::size_t>(states.operation)];
  const TensorId tensor = op.out[static_cast<std::size_t>(states.output)].tensor;
  std::string text = fmt::format("{:>4}  {}", states.operation, to_string(op.kind));
  if (!op.name.empty() && op.name != to_string(op.kind)) text += fmt::format(" ({})", op.name);
  if (op.group.exists()) text += fmt::format(" over {}", plan.group(op.group).role);
  return text + " -> " + plan.tensor(tensor).name;
}

}  // namespace

std::string steps_text(const Plan& plan, const contract::CheckResult& result, int layer,
                       const Style& style) {
  std::string text;
  for (const contract::OperationStates& states : result.states) {
    const Operation& op = plan.operations[static_cast<std::size_t>(states.operation)];
    if (layer >= 0 && op.site.layer != layer) continue;
    text += style.strong(heading(plan, states)) + "\n";
    for (const Line& line : merged(states.ranks)) {
      const std::string rows = "rows: " + line.state.rows;
      text += fmt::format("      rank {:<10} {:<16} {:<40} {}\n", to_string(line.ranks),
                          line.state.state, line.state.value, style.faint(rows));
    }
  }
  return text;
}

}  // namespace lockstep
