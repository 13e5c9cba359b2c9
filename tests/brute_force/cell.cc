#include "tests/brute_force/cell.h"

#include <algorithm>

namespace lockstep::test {
namespace {

const Closing* closing_of(const Plan& plan, TermId term) {
  const auto found = std::ranges::find(plan.closings, term, &Closing::handle);
  return found == plan.closings.end() ? nullptr : &*found;
}

template <class Key>
void add(std::map<Key, Rational>& to, const Key& key, Rational coefficient) {
  const auto known = to.find(key);
  const Rational total = coefficient + (known == to.end() ? Rational(0) : known->second);
  to.erase(key);
  if (!total.is_zero()) to[key] = total;
}

bool all_defined(const Cells& cells) {
  return std::ranges::all_of(cells, [](const Cell* cell) { return cell->defined; });
}

bool any_lost(const Cells& cells) {
  return std::ranges::any_of(cells, [](const Cell* cell) { return cell->lost; });
}

template <class Key>
bool has_as(const std::map<Key, Rational>& map, const Key& key, Rational coefficient) {
  const auto found = map.find(key);
  return found != map.end() && found->second == coefficient;
}

// What all cells hold alike, but for what `leave` says.
template <class Leave>
Cell common_part(const Cells& cells, const Leave& leave) {
  Cell common;
  const auto in_all = [&](auto member, const auto& key, Rational coefficient) {
    return std::ranges::all_of(
        cells, [&](const Cell* cell) { return has_as(cell->*member, key, coefficient); });
  };
  for (const auto& [share, coefficient] : cells.front()->sums) {
    if (in_all(&Cell::sums, share, coefficient)) common.sums[share] = coefficient;
  }
  for (const auto& [joint, coefficient] : cells.front()->joints) {
    const bool alike = !leave(joint) && in_all(&Cell::joints, joint, coefficient);
    if (alike) common.joints[joint] = coefficient;
  }
  return common;
}

// One joint of each cell, with its coefficient.
using Joints = std::vector<std::pair<Joint, Rational>>;

// What is left of each cell without `common`, if that is one joint each. Empty if it is not.
Joints single_joints(const Cells& cells, const Cell& common) {
  Joints joints;
  for (const Cell* cell : cells) {
    const bool others =
        cell->sums.size() != common.sums.size() || cell->joints.size() != common.joints.size() + 1;
    if (others) return {};
    for (const auto& [joint, coefficient] : cell->joints) {
      if (!common.joints.contains(joint)) joints.emplace_back(joint, coefficient);
    }
  }
  return joints;
}

// The joints as one, if they fit together: max(k x, k y) is k max(x, y) for k > 0; the logarithms
// must be there once.
bool join(const Plan& plan, const Joints& joints, Cell& cell) {
  const auto& [first, coefficient] = joints.front();
  const bool maximum = plan.term(first.term).combine == Reduction::max;
  Joint whole = first;
  whole.inside.clear();
  for (const auto& [joint, times] : joints) {
    const bool same = joint.term == first.term && joint.token == first.token;
    if (!same || times != coefficient) return false;
    if (maximum ? times.numerator() <= 0 : !times.is_one()) return false;
    for (const auto& [share, count] : joint.inside) {
      std::int64_t& known = whole.inside[share];
      known = maximum ? 1 : known + count;
    }
  }
  cell.joints[whole] = coefficient;
  return true;
}

// max(a + x, a + y) is a + max(x, y), and so it is with the log of the sum of exponentials; but
// that of twice the same is not the same.
Cell joined(const Plan& plan, const Cells& cells, Reduction reduction) {
  const bool alike = std::ranges::all_of(cells, [&](const Cell* c) { return *c == *cells[0]; });
  if (alike && reduction == Reduction::max) return *cells.front();
  const bool nothing = alike && cells.front()->sums.empty() && cells.front()->joints.empty();
  if (nothing) return undefined_cell();  // the log of a number
  Cell result = common_part(cells, [&](const Joint& joint) {
    return reduction == Reduction::logsumexp &&
           plan.term(joint.term).combine == Reduction::logsumexp;
  });
  const Joints rest = single_joints(cells, result);
  const bool fits = !rest.empty() && std::ranges::all_of(rest, [&](const auto& joint) {
    return plan.term(joint.first.term).combine == reduction;
  });
  result.lost = any_lost(cells) || !fits || !join(plan, rest, result);
  return result;
}

Joint joint_of(const Plan& plan, TermId term, const std::vector<ShareRange>& shares,
               std::int64_t token) {
  Joint joint{term, token, {}};
  for (const ShareRange& range : shares) {
    for (int share = range.first; share < range.last; ++share) ++joint.inside[share];
  }
  const bool maximum = plan.term(term).combine == Reduction::max;
  for (auto& [share, count] : joint.inside) count = maximum ? 1 : count;
  return joint;
}

}  // namespace

Cell undefined_cell() {
  Cell cell;
  cell.defined = false;
  return cell;
}

void add_shares(const Plan& plan, TermId term, const std::vector<ShareRange>& shares,
                std::int64_t token, Rational coefficient, Cell& cell) {
  if (const Closing* closing = closing_of(plan, term)) {
    for (const TermId part : closing->parts) {
      add_shares(plan, part, {{0, plan.term(part).shares}}, token, coefficient, cell);
    }
    return;
  }
  if (plan.term(term).combine != Reduction::sum) {
    const Joint joint = joint_of(plan, term, shares, token);
    if (!joint.inside.empty()) add(cell.joints, joint, coefficient);
    return;
  }
  for (const ShareRange& range : shares) {
    for (int share = range.first; share < range.last; ++share) {
      add(cell.sums, Share{term, share, token}, coefficient);
    }
  }
}

Cell complete_cell(const Plan& plan, const std::vector<TermId>& terms, std::int64_t token) {
  return part_cell(plan, terms, token, 0, 1);
}

Cell part_cell(const Plan& plan, const std::vector<TermId>& terms, std::int64_t token, int index,
               int members) {
  Cell cell;
  for (const TermId id : terms) {
    const Term& term = plan.term(id);
    ShareRange shares{0, term.shares};
    if (term.combine == Reduction::sum && index > 0) shares.last = 0;
    if (term.combine == Reduction::logsumexp) shares = column_slice(term.shares, index, members);
    if (shares.first < shares.last) add_shares(plan, id, {shares}, token, 1, cell);
  }
  return cell;
}

Cell scaled(const Cell& cell, Rational factor) {
  if (!cell.defined) return cell;
  Cell result;
  result.lost = cell.lost && !factor.is_zero();
  for (const auto& [share, coefficient] : cell.sums) add(result.sums, share, coefficient * factor);
  for (const auto& [joint, coefficient] : cell.joints) {
    add(result.joints, joint, coefficient * factor);
  }
  return result;
}

Cell added(const Cells& cells) {
  if (!all_defined(cells)) return undefined_cell();
  Cell result;
  result.lost = any_lost(cells);
  for (const Cell* cell : cells) {
    for (const auto& [share, coefficient] : cell->sums) add(result.sums, share, coefficient);
    for (const auto& [joint, coefficient] : cell->joints) add(result.joints, joint, coefficient);
  }
  return result;
}

Cell reduced(const Plan& plan, const Cells& cells, Reduction reduction) {
  if (!all_defined(cells)) return undefined_cell();
  if (reduction == Reduction::max || reduction == Reduction::logsumexp) {
    return joined(plan, cells, reduction);
  }
  const Cell sum = added(cells);
  if (reduction == Reduction::sum) return sum;
  return scaled(sum, Rational(1, static_cast<std::int64_t>(cells.size())));
}

Cell together(const Plan& plan, const Cells& cells) {
  Cell result = added(cells);
  result.joints.clear();
  if (!result.defined) return result;
  std::map<std::pair<TermId, std::int64_t>, std::vector<Joints>> by_term;
  for (const Cell* cell : cells) {
    std::map<std::pair<TermId, std::int64_t>, Joints> of_member;
    for (const auto& [joint, coefficient] : cell->joints) {
      of_member[{joint.term, joint.token}].emplace_back(joint, coefficient);
    }
    for (auto& [term, joints] : of_member) by_term[term].push_back(std::move(joints));
  }
  for (const auto& [term, holders] : by_term) {
    if (holders.size() == 1) {
      result.joints.insert(holders.front().begin(), holders.front().end());
      continue;
    }
    Joints joints;
    for (const Joints& held : holders) joints.push_back(held.front());
    const bool one_each =
        std::ranges::all_of(holders, [](const Joints& held) { return held.size() == 1; });
    if (!one_each || !join(plan, joints, result)) result.lost = true;
  }
  return result;
}

}  // namespace lockstep::test
