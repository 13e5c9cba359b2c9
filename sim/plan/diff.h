// What differs between two plans: a longest common subsequence of their lines.
#pragma once

#include <string>
#include <vector>

#include "sim/plan/plan.h"

namespace lockstep {

enum class Side : std::uint8_t { both, left, right };

// A line of a merged listing. `left` and `right` are positions in the two inputs, -1 where the line
// is not there.
struct DiffLine {
  Side side = Side::both;
  int left = -1;
  int right = -1;
  bool operator==(const DiffLine&) const = default;
};

// A shortest edit from `left` to `right`, in order; removals come before the additions that replace
// them. Takes O(left * right) time after the common start and end, and O(left + right) memory.
std::vector<DiffLine> diff_lines(const std::vector<std::string>& left,
                                 const std::vector<std::string>& right);

struct PlanDiff {
  std::vector<std::string> left_tables;  // lines of the text form, but for names and reasons
  std::vector<std::string> right_tables;
  std::vector<DiffLine> tables;
  std::vector<std::string> left_program;  // operation_text() without reasons
  std::vector<std::string> right_program;
  std::vector<DiffLine> program;

  bool empty() const;  // no line differs
};

// Names, origins, notes and reasons are not compared.
PlanDiff diff(const Plan& left, const Plan& right);

// The difference as unified text with the reasons of what was removed, added or decided otherwise;
// empty if the plans are equal.
std::string unified(const Plan& left, const Plan& right, const PlanDiff& difference);

// "should_use_reduce_scatter = false (padding = sum_len)".
std::string reason_text(const Reason& reason);

}  // namespace lockstep
