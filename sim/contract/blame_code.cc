// Which code a wrong coefficient has.
#include <algorithm>
#include <set>

#include "sim/contract/blame.h"
#include "sim/contract/expert_map.h"

namespace lockstep::contract {

Code Blame::code_of(const UnmetObligation& unmet, const Suspect& suspect, int blamed) {
  if (!misplaced_text(suspect).empty()) return Code::expert_map;
  if (suspect.ledger.has_absent()) return code_of_absence(unmet, suspect);
  return same_factor_everywhere(unmet, suspect, blamed) ? Code::double_reduction
                                                        : Code::duplicated_term;
}

// What is wrong with the placement of the experts; empty if nothing is.
std::string Blame::misplaced_text(const Suspect& suspect) const {
  for (const TermId term : suspect.ledger.wrong_terms()) {
    const ExpertMap map = expert_map(plan_, term, suspect.rank);
    if (!map.misplaced.empty()) return describe(plan_, term, map);
  }
  return {};
}

// The members of the part of `group` that `rank` is in; of the first part if it is in none.
const std::vector<int>& Blame::part_of(GroupId group, int rank) const {
  const std::vector<int>* own = execution_.places().membership(group, rank).members;
  return own != nullptr ? *own : plan_.group(group).parts.front();
}

// True if what operation `path[at]` sums of `term` comes to `rank`: it is no other reduction, and
// where only the root of it has the sum, somebody passes that on.
bool Blame::sum_reaches(const std::vector<int>& path, std::size_t at, TermId term, int rank) const {
  const Operation& op = plan_.operations[static_cast<std::size_t>(path[at])];
  if (!sums(op.kind) || !executes(op, rank)) return false;
  const Reduction combine = plan_.term(term).combine;
  const bool averages = op.reduction == Reduction::average && combine == Reduction::sum;
  if (op.reduction != combine && !averages) return false;
  if (!execution_.left_out(op, rank)) return true;
  return std::any_of(path.begin() + static_cast<std::ptrdiff_t>(at) + 1, path.end(), [&](int i) {
    const OpKind later = plan_.operations[static_cast<std::size_t>(i)].kind;
    return communicates(later) && !sums(later);
  });
}

// Shares are absent: because no sum ran, because one ran over ranks that do not hold them, or
// because it runs only after the nonlinear operation that is judged here.
Code Blame::code_of_absence(const UnmetObligation& unmet, const Suspect& suspect) {
  const int producer = provenance_.producer(suspect.term);
  if (producer < 0) return Code::missing_reduction;
  const Operation& consumer = plan_.operations[static_cast<std::size_t>(unmet.operation)];
  const Operation& made = plan_.operations[static_cast<std::size_t>(producer)];
  const TensorId tensor = consumer.in[static_cast<std::size_t>(unmet.operand)].tensor;
  const GroupId owed = plan_.spec(made.out.front().declared).partial_over;
  bool any_sum = false;
  bool covered = false;
  std::vector<int> owed_members;
  if (owed.exists()) owed_members = part_of(owed, suspect.rank);
  const std::vector<int> path = provenance_.path(producer, tensor, unmet.operation);
  for (std::size_t i = 0; i < path.size(); ++i) {
    if (!sum_reaches(path, i, suspect.term, suspect.rank)) continue;
    const Operation& op = plan_.operations[static_cast<std::size_t>(path[i])];
    const std::vector<int>& members = part_of(op.group, suspect.rank);
    if (members.size() < 2) continue;
    any_sum = true;
    const std::set<int> summed(members.begin(), members.end());
    covered = covered ||
              std::ranges::all_of(owed_members, [&](int rank) { return summed.contains(rank); });
  }
  if (any_sum && !covered) return Code::wrong_group;
  return !any_sum && sums_too_late(unmet, owed, owed_members) ? Code::nonlinear_on_partial
                                                              : Code::missing_reduction;
}

// True if the sum that `owed` wants runs on the result of the nonlinear operation that is judged.
bool Blame::sums_too_late(const UnmetObligation& unmet, GroupId owed,
                          const std::vector<int>& owed_members) {
  const Operation& consumer = plan_.operations[static_cast<std::size_t>(unmet.operation)];
  if (!is_nonlinear(consumer.kind) || !owed.exists()) return false;
  // Where the nonlinear operation is itself partial over the group, the later sum is its own.
  const bool sums_itself = plan_.spec(consumer.out.front().declared).partial_over == owed;
  if (sums_itself) return false;
  const int late = provenance_.later_sum(unmet.operation, owed_members);
  if (late >= 0) accounted_.insert(late);
  return late >= 0;
}

// True if all that the blamed operation wrote on the row has one coefficient other than 1.
bool Blame::same_factor_everywhere(const UnmetObligation& unmet, const Suspect& suspect,
                                   int blamed) {
  std::set<ValueId> wrong{suspect.actual};
  if (blamed != unmet.operation) {
    wrong.clear();
    for (const FaultGroup& group : faults_of_output(blamed, 0)) {
      for (const RowFault& f : group.faults) {
        if (f.kind == FaultKind::coefficients) wrong.insert(f.actual);
      }
    }
  }
  for (const ValueId value : wrong) {
    std::vector<Element> lost;
    const auto elements =
        execution_.values().elements(execution_.values().without_variants(value, lost));
    if (elements.empty() || !lost.empty()) return false;
    const Rational factor = elements.front().coefficient;
    const bool same = std::ranges::all_of(elements, [&](const Element& e) {
      return e.coefficient == factor && e.first == 0 &&
             e.last == execution_.values().shares_of(e.term);
    });
    if (!same || factor.is_one()) return false;
  }
  return !wrong.empty();
}

}  // namespace lockstep::contract
