#include "sim/contract/expert_map.h"

#include <fmt/format.h>

#include "sim/base/text.h"

namespace lockstep::contract {
namespace {

// Appends what the members of `rank`'s part make of `term` in `op`; true if one of them runs it.
bool append_made(const Plan& plan, const Operation& op, TermId term, int rank,
                 std::vector<CountedShares>& out) {
  const GroupId owed = plan.spec(op.out.front().declared).partial_over;
  const std::vector<int>* part = membership(plan, owed, rank).members;
  const std::vector<int> members = part == nullptr ? std::vector<int>{rank} : *part;
  bool any = false;
  for (const Production& p : op.produces) {
    if (p.term != term) continue;
    for (const int member : members) {
      if (!executes(op, member)) continue;
      any = true;
      const std::vector<CountedShares> made = counted_shares(plan, p, member);
      out.insert(out.end(), made.begin(), made.end());
    }
  }
  return any;
}

std::string times(int count) {
  return count == 0 ? "nowhere" : count == 2 ? "twice" : fmt::format("{} times", count);
}

}  // namespace

ExpertMap expert_map(const Plan& plan, TermId term_id, int rank) {
  const Term& term = plan.term(term_id);
  if (term.kind != TermKind::routed && term.kind != TermKind::other) return {};
  std::vector<CountedShares> made;
  bool any = false;
  for (const Operation& op : plan.operations) {
    const bool computes =
        op.kind == OpKind::experts || (op.kind == OpKind::compute && term.kind == TermKind::routed);
    if (computes) any = append_made(plan, op, term_id, rank, made) || any;
  }
  if (!any) return {};
  ExpertMap map;
  int next = 0;
  for (const CountedShares& s : added_up(made)) {
    if (next < s.first) map.misplaced.push_back({next, s.first, 0});
    if (s.count != 1) map.misplaced.push_back(s);
    next = s.last;
  }
  if (next < term.shares) map.misplaced.push_back({next, term.shares, 0});
  return map;
}

std::string describe(const Plan& plan, TermId term, const ExpertMap& map) {
  // With tensor parallelism inside the experts a share is a slice of one.
  // Programs need no model to say how many there are.
  const int experts = plan.model.n_routed_experts;
  const bool whole = experts == 0 || plan.term(term).shares == experts;
  std::vector<std::string> texts;
  for (const CountedShares& s : map.misplaced) {
    const bool one = s.last - s.first == 1;
    const std::string which =
        one ? fmt::format("{}", s.first) : fmt::format("{}-{}", s.first, s.last - 1);
    texts.push_back(fmt::format("{}{} {} {}", whole ? "expert" : "share", one ? "" : "s", which,
                                times(s.count)));
  }
  return join(texts, ", ");
}

}  // namespace lockstep::contract
