#include "sim/plan/diff.h"

#include <fmt/format.h>

#include <algorithm>
#include <span>
#include <string_view>
#include <unordered_map>

#include "sim/base/text.h"
#include "sim/plan/text.h"

namespace lockstep {
namespace {

using Lines = std::span<const int>;

// The last row of the table of longest common subsequences of `left` with every start of `right`.
std::vector<int> common_lengths(Lines left, Lines right, bool backwards) {
  const auto at = [backwards](Lines lines, std::size_t i) {
    return backwards ? lines[lines.size() - 1 - i] : lines[i];
  };
  std::vector<int> row(right.size() + 1, 0);
  for (std::size_t i = 0; i < left.size(); ++i) {
    int diagonal = 0;
    for (std::size_t j = 0; j < right.size(); ++j) {
      const int above = row[j + 1];
      row[j + 1] = at(left, i) == at(right, j) ? diagonal + 1 : std::max(above, row[j]);
      diagonal = above;
    }
  }
  return row;
}

// Hirschberg's algorithm (CACM 18, 1975): halves `left`, finds where `right` divides best.
class Differ {
 public:
  std::vector<DiffLine> run(Lines left, Lines right) {
    compare(left, right, 0, 0);
    return std::move(lines_);
  }

 private:
  void compare(Lines left, Lines right, int l, int r) {
    while (!left.empty() && !right.empty() && left.front() == right.front()) {
      lines_.push_back({Side::both, l++, r++});
      left = left.subspan(1);
      right = right.subspan(1);
    }
    std::size_t tail = 0;
    const std::size_t most = std::min(left.size(), right.size());
    while (tail < most && left[left.size() - 1 - tail] == right[right.size() - 1 - tail]) ++tail;
    divide(left.first(left.size() - tail), right.first(right.size() - tail), l, r);
    l += static_cast<int>(left.size() - tail);
    r += static_cast<int>(right.size() - tail);
    for (; tail > 0; --tail) lines_.push_back({Side::both, l++, r++});
  }

  void divide(Lines left, Lines right, int l, int r) {
    if (left.empty() || right.empty()) {
      for (std::size_t i = 0; i < left.size(); ++i) lines_.push_back({Side::left, l++, -1});
      for (std::size_t i = 0; i < right.size(); ++i) lines_.push_back({Side::right, -1, r++});
    } else if (left.size() == 1) {
      place_single(left.front(), right, l, r);
    } else {
      halve(left, right, l, r);
    }
  }

  void place_single(int line, Lines right, int l, int r) {
    const auto found = std::ranges::find(right, line);
    if (found == right.end()) lines_.push_back({Side::left, l, -1});
    for (auto it = right.begin(); it != right.end(); ++it, ++r) {
      lines_.push_back(it == found ? DiffLine{Side::both, l, r} : DiffLine{Side::right, -1, r});
    }
  }

  void halve(Lines left, Lines right, int l, int r) {
    const std::size_t half = left.size() / 2;
    const std::vector<int> before = common_lengths(left.first(half), right, false);
    const std::vector<int> after = common_lengths(left.subspan(half), right, true);
    std::size_t best = 0;
    for (std::size_t j = 0; j <= right.size(); ++j) {
      const int here = before[j] + after[right.size() - j];
      if (here > before[best] + after[right.size() - best]) best = j;
    }
    compare(left.first(half), right.first(best), l, r);
    compare(left.subspan(half), right.subspan(best), l + static_cast<int>(half),
            r + static_cast<int>(best));
  }

  std::vector<DiffLine> lines_;
};

// Within a stretch of changes, removals first.
void order_changes(std::vector<DiffLine>& lines) {
  for (auto start = lines.begin(); start != lines.end();) {
    const auto end =
        std::find_if(start, lines.end(), [](const DiffLine& d) { return d.side == Side::both; });
    std::stable_sort(start, end,
                     [](const DiffLine& a, const DiffLine& b) { return a.side < b.side; });
    start = end == lines.end() ? end : end + 1;
  }
}

std::vector<std::string> table_lines(Plan plan) {
  plan.name.clear();
  plan.origin = {};
  plan.notes.clear();
  plan.reasons.clear();
  return split(header_text(plan), '\n');
}

std::vector<std::string> program_lines(const Plan& plan) {
  std::vector<std::string> lines;
  for (const Operation& op : plan.operations) {
    lines.push_back(operation_text(plan, op, Reasons::left_out));
  }
  return lines;
}

bool differs(const std::vector<DiffLine>& lines) {
  return std::ranges::any_of(lines, [](const DiffLine& d) { return d.side != Side::both; });
}

std::vector<std::string> reasons_of(const Plan& plan, int operation) {
  std::vector<std::string> texts;
  if (operation < 0) return texts;
  for (const ReasonId id : plan.operations[static_cast<std::size_t>(operation)].because) {
    texts.push_back(reason_text(plan.reason(id)));
  }
  return texts;
}

std::string place_text(const Plan& plan, int operation) {
  const Site& site = plan.operations[static_cast<std::size_t>(operation)].site;
  const std::string step = plan.steps.size() > 1 ? fmt::format("step {}, ", site.step) : "";
  return site.layer < 0 ? fmt::format("{}outside the layers", step)
                        : fmt::format("{}layer {}", step, site.layer);
}

// Which lines of a listing are shown: changes and what stands near them.
std::vector<bool> near_changes(const std::vector<DiffLine>& lines) {
  constexpr std::size_t kContext = 2;
  std::vector<bool> shown(lines.size(), false);
  for (std::size_t i = 0; i < lines.size(); ++i) {
    if (lines[i].side == Side::both) continue;
    const std::size_t first = i < kContext ? 0 : i - kContext;
    const std::size_t last = std::min(lines.size() - 1, i + kContext);
    for (std::size_t near = first; near <= last; ++near) shown[near] = true;
  }
  return shown;
}

char mark(Side side) { return side == Side::both ? ' ' : side == Side::left ? '-' : '+'; }

std::string unified_tables(const PlanDiff& d) {
  std::string out;
  if (!differs(d.tables)) return out;
  out += "@@ tables\n";
  for (const DiffLine& line : d.tables) {
    if (line.side == Side::both) continue;
    const std::string& text = line.side == Side::left
                                  ? d.left_tables[static_cast<std::size_t>(line.left)]
                                  : d.right_tables[static_cast<std::size_t>(line.right)];
    out += fmt::format("{} {}\n", mark(line.side), text);
  }
  return out;
}

}  // namespace

bool PlanDiff::empty() const { return !differs(tables) && !differs(program); }

std::vector<DiffLine> diff_lines(const std::vector<std::string>& left,
                                 const std::vector<std::string>& right) {
  std::unordered_map<std::string_view, int> numbers;
  const auto numbered = [&numbers](const std::vector<std::string>& lines) {
    std::vector<int> ids;
    for (const std::string& line : lines) {
      ids.push_back(numbers.try_emplace(line, static_cast<int>(numbers.size())).first->second);
    }
    return ids;
  };
  const std::vector<int> left_ids = numbered(left);
  const std::vector<int> right_ids = numbered(right);
  std::vector<DiffLine> lines = Differ().run(left_ids, right_ids);
  order_changes(lines);
  return lines;
}

PlanDiff diff(const Plan& left, const Plan& right) {
  PlanDiff d;
  d.left_tables = table_lines(left);
  d.right_tables = table_lines(right);
  d.tables = diff_lines(d.left_tables, d.right_tables);
  d.left_program = program_lines(left);
  d.right_program = program_lines(right);
  d.program = diff_lines(d.left_program, d.right_program);
  return d;
}

std::string reason_text(const Reason& reason) {
  std::string text = reason.rule;
  if (!reason.value.empty()) text += " = " + reason.value;
  std::vector<std::string> inputs;
  for (const auto& [name, value] : reason.inputs) {
    inputs.push_back(fmt::format("{} = {}", name, value));
  }
  if (!inputs.empty()) text += " (" + join(inputs, ", ") + ")";
  return text;
}

std::string unified(const Plan& left, const Plan& right, const PlanDiff& d) {
  std::string out = unified_tables(d);
  const std::vector<bool> shown = near_changes(d.program);
  for (std::size_t i = 0; i < d.program.size(); ++i) {
    if (!shown[i]) continue;
    const DiffLine& line = d.program[i];
    const bool on_left = line.left >= 0;
    if (i == 0 || !shown[i - 1]) {
      out += fmt::format("@@ {}\n",
                         on_left ? place_text(left, line.left) : place_text(right, line.right));
    }
    const std::string& text = on_left ? d.left_program[static_cast<std::size_t>(line.left)]
                                      : d.right_program[static_cast<std::size_t>(line.right)];
    out += fmt::format("{} {}\n", mark(line.side), text);
    const std::vector<std::string> was = reasons_of(left, line.left);
    const std::vector<std::string> is = reasons_of(right, line.right);
    if (was == is) continue;
    for (const std::string& reason : was) out += fmt::format("-     because {}\n", reason);
    for (const std::string& reason : is) out += fmt::format("+     because {}\n", reason);
  }
  return out;
}

}  // namespace lockstep
