// The obligations of an Execution, rank by rank: judged, repaired, remembered.
#include <algorithm>

#include "sim/contract/execution.h"

namespace lockstep::contract {

void Execution::judge_operands(int operation, const std::vector<int>& ranks) {
  const Operation& op = plan_.operations[static_cast<std::size_t>(operation)];
  for (std::size_t i = 0; i < op.in.size(); ++i) {
    if (op.in[i].expect.exists()) judge_operand(operation, static_cast<int>(i), ranks);
  }
}

void Execution::judge_operand(int operation, int operand, const std::vector<int>& ranks) {
  const Operand& in =
      plan_.operations[static_cast<std::size_t>(operation)].in[static_cast<std::size_t>(operand)];
  if (plan_.spec(in.expect).partial_over.exists()) {
    judge_partial(operation, operand, ranks);
  } else {
    judge_complete(operation, operand, ranks);
  }
}

void Execution::judge_complete(int operation, int operand, const std::vector<int>& ranks) {
  const Operand& in =
      plan_.operations[static_cast<std::size_t>(operation)].in[static_cast<std::size_t>(operand)];
  const PerRank<RowMap>& rows = plan_.layout(plan_.spec(in.expect).rows).rows;
  const bool whole_columns = !plan_.spec(in.expect).columns_over.exists();
  std::vector<FaultGroup> groups;
  // Neighbours that hold the same and owe the same are right or wrong alike.
  StateId last;
  int last_rows = -1;
  bool last_met = true;
  for (const int rank : ranks) {
    const StateId have = state(in.tensor, rank);
    const int map = rows.index_of_rank[static_cast<std::size_t>(rank)];
    const bool alike = whole_columns && map == last_rows && have == last;
    if (!alike) last_met = judge_.met(in.expect, rank, have);
    last = have;
    last_rows = map;
    if (last_met) continue;
    if (!alike) judge_.faults(in.expect, rank, have, groups.emplace_back().faults);
    groups.back().ranks.push_back(rank);
  }
  if (!propagate_) {
    for (const FaultGroup& group : groups) {
      for (const int rank : group.ranks) {
        set_state(in.tensor, rank, judge_.reference(in.expect, rank));
      }
    }
  }
  settle(operation, operand, std::move(groups), ranks.size());
}

// The holders of a partial value are judged together, by their sum, once all of them that execute
// the operation have come to it: one may still be about to write what it adds.
void Execution::judge_partial(int operation, int operand, const std::vector<int>& ranks) {
  const Operand& in =
      plan_.operations[static_cast<std::size_t>(operation)].in[static_cast<std::size_t>(operand)];
  const Group& group = plan_.group(plan_.spec(in.expect).partial_over);
  std::vector<bool> asks(static_cast<std::size_t>(plan_.world), false);
  for (const int rank : ranks) asks[static_cast<std::size_t>(rank)] = true;
  std::vector<FaultGroup> groups;
  std::size_t judged = 0;
  for (std::size_t i = 0; i < group.parts.size(); ++i) {
    const std::vector<int>& part = group.parts[i];
    const bool asked =
        std::ranges::any_of(part, [&](int r) { return asks[static_cast<std::size_t>(r)]; });
    if (!asked) continue;
    std::vector<std::pair<int, StateId>>& come =
        gathering_[{operation, operand, static_cast<int>(i)}];
    if (!all_here(operation, operand, part, asks, come)) continue;
    judged += come.size();
    judge_part(operation, operand, i, come, groups);
    gathering_.erase({operation, operand, static_cast<int>(i)});
  }
  settle(operation, operand, std::move(groups), judged);
}

// Adds those of `part` that ask to `come`; true if all have come that will.
bool Execution::all_here(int operation, int operand, const std::vector<int>& part,
                         const std::vector<bool>& asks,
                         std::vector<std::pair<int, StateId>>& come) {
  const Operation& op = plan_.operations[static_cast<std::size_t>(operation)];
  const TensorId tensor = op.in[static_cast<std::size_t>(operand)].tensor;
  std::size_t expected = 0;
  for (const int rank : part) {
    if (executes(op, rank)) ++expected;
    if (asks[static_cast<std::size_t>(rank)]) come.emplace_back(rank, state(tensor, rank));
  }
  return come.size() == expected;
}

void Execution::judge_part(int operation, int operand, std::size_t part_index,
                           const std::vector<std::pair<int, StateId>>& come,
                           std::vector<FaultGroup>& groups) {
  const Operation& op = plan_.operations[static_cast<std::size_t>(operation)];
  const Operand& in = op.in[static_cast<std::size_t>(operand)];
  const std::vector<int>& part = plan_.group(plan_.spec(in.expect).partial_over).parts[part_index];
  const std::map<int, StateId> own(come.begin(), come.end());
  std::vector<StateId> held;
  held.reserve(part.size());
  for (const int rank : part) {
    const auto known = own.find(rank);
    held.push_back(known != own.end() ? known->second : state(in.tensor, rank));
  }
  // A product of parts is a part of the product only where the parts add up.
  const StateId sum = states_.sum(held, op.kind == OpKind::linear ? Joining::sum : Joining::shares);
  if (propagate_) part_sums_[{operation, operand, static_cast<int>(part_index)}] = sum;
  const bool met =
      std::ranges::all_of(part, [&](int rank) { return judge_.met(in.expect, rank, sum); });
  if (met) return;
  for (const int rank : part) {
    FaultGroup& one = groups.emplace_back(FaultGroup{{rank}, {}});
    judge_.faults(in.expect, rank, sum, one.faults);
    if (one.faults.empty()) groups.pop_back();
  }
  if (!propagate_) repair(in, part, held);
}

// A partial value is repaired to: the first member holds it all, the others zero. A member that has
// gone on and written something else keeps that.
void Execution::repair(const Operand& operand, std::span<const int> ranks,
                       std::span<const StateId> held) {
  for (std::size_t i = 0; i < ranks.size(); ++i) {
    if (state(operand.tensor, ranks[i]) != held[i]) continue;
    const StateId whole = judge_.reference(operand.expect, ranks[i]);
    const ValueId all = judge_.reference_value(operand.expect);
    const ValueId part = part_of_value(plan_.spec(operand.expect), i, ranks.size());
    const auto to_part = [&](ValueId v) { return v == all ? part : v; };
    set_state(operand.tensor, ranks[i], states_.map(whole, to_part));
  }
}

// What member `index` of `size` is given of a partial value. Zero is no neutral part of a maximum
// or a logarithm: every member has all of a maximum, and its own shares of a logarithm.
ValueId Execution::part_of_value(const StateSpec& spec, std::size_t index, std::size_t size) {
  parts_.clear();
  for (const TermId id : spec.terms) {
    const Term& term = plan_.term(id);
    ShareRange shares{0, index == 0 ? term.shares : 0};
    if (term.combine == Reduction::max) shares.last = term.shares;
    if (term.combine == Reduction::logsumexp) {
      shares = column_slice(term.shares, static_cast<int>(index), static_cast<int>(size));
    }
    parts_.push_back({values_.single(id, shares, 1), 0});
  }
  return values_.sum(parts_, Joining::shares).value;
}

// Ranks may come to an obligation one after the other; it is told as one.
void Execution::settle(int operation, int operand, std::vector<FaultGroup> faults,
                       std::size_t judged_ranks) {
  const Operation& op = plan_.operations[static_cast<std::size_t>(operation)];
  const auto all = static_cast<std::size_t>(op.ranks.empty() ? plan_.world : op.ranks.size());
  SoFar& so_far = so_far_[{operation, operand}];
  so_far.ranks += judged_ranks;
  for (const FaultGroup& group : faults) {
    so_far.wrong.insert(so_far.wrong.end(), group.ranks.begin(), group.ranks.end());
  }
  if (!faults.empty() && so_far.unmet == 0) {
    unmet_.push_back({operation, operand, std::move(faults)});
    so_far.unmet = unmet_.size();
  } else {
    std::vector<FaultGroup>* known = faults.empty() ? nullptr : &unmet_[so_far.unmet - 1].faults;
    for (FaultGroup& group : faults) known->push_back(std::move(group));
  }
  if (so_far.ranks < all) return;
  judged_.push_back({operation, operand, RankSet::of(so_far.wrong)});
  so_far_.erase({operation, operand});
}

}  // namespace lockstep::contract
