#include "sim/contract/execution.h"

#include <algorithm>

#include "sim/base/require.h"

namespace lockstep::contract {

namespace {

// Every operation makes a state on every rank, and most of those differ; large plans repeat more.
std::size_t expected_states(const Plan& plan) {
  constexpr std::size_t kMost = 1 << 16;
  return std::min(kMost, plan.operations.size() * static_cast<std::size_t>(plan.world));
}

}  // namespace

Execution::Execution(const Plan& plan, bool propagate)
    : plan_(plan),
      propagate_(propagate),
      values_(plan, expected_states(plan)),
      states_(values_, expected_states(plan)),
      judge_(plan, values_, states_),
      meeting_(plan),
      current_(plan.tensors.size() * static_cast<std::size_t>(plan.world)),
      position_(static_cast<std::size_t>(plan.world), -1),
      status_(static_cast<std::size_t>(plan.world), Status::running) {
  std::size_t outputs = 0;
  for (const Operation& op : plan.operations) {
    first_output_of_.push_back(outputs);
    outputs += op.out.size();
  }
  written_.resize(outputs * static_cast<std::size_t>(plan.world));
  for (int rank = 0; rank < plan.world; ++rank) advance(rank, -1);
}

// One sweep over the plan is enough where all ranks keep step; a rank that had to wait for a later
// line of others goes on in the next sweep.
void Execution::run() {
  const auto operations = static_cast<int>(plan_.operations.size());
  bool moved = true;
  while (moved) {
    moved = false;
    const int first = *std::ranges::min_element(position_);
    for (int operation = std::max(first, 0); operation < operations; ++operation) {
      moved = step(operation) || moved;
    }
  }
}

bool Execution::step(int operation) {
  const Operation& op = plan_.operations[static_cast<std::size_t>(operation)];
  here_.clear();
  for (int rank = 0; rank < plan_.world; ++rank) {
    const auto r = static_cast<std::size_t>(rank);
    if (position_[r] == operation && status_[r] == Status::running) here_.push_back(rank);
  }
  if (here_.empty()) return false;
  judge_operands(operation, here_);
  if (is_collective(op.kind)) {
    bool moved = false;
    const std::vector<int> ranks = here_;
    for (const int rank : ranks) {
      run_collective(operation, rank);
      moved = moved || position(rank) != operation;
    }
    return moved;
  }
  memo_.clear();
  for (const int rank : here_) {
    run_local(operation, rank);
    advance(rank, operation);
  }
  return true;
}

StateId& Execution::state(TensorId tensor, int rank) {
  return current_[tensor.index() * static_cast<std::size_t>(plan_.world) +
                  static_cast<std::size_t>(rank)];
}

StateId Execution::state(TensorId tensor, int rank) const {
  return current_[tensor.index() * static_cast<std::size_t>(plan_.world) +
                  static_cast<std::size_t>(rank)];
}

StateId Execution::written(int operation, int output, int rank) const {
  const std::size_t index =
      first_output_of_[static_cast<std::size_t>(operation)] + static_cast<std::size_t>(output);
  return written_[index * static_cast<std::size_t>(plan_.world) + static_cast<std::size_t>(rank)];
}

void Execution::write(int operation, std::size_t output, int rank, StateId state) {
  const Operation& op = plan_.operations[static_cast<std::size_t>(operation)];
  const std::size_t index = first_output_of_[static_cast<std::size_t>(operation)] + output;
  written_[index * static_cast<std::size_t>(plan_.world) + static_cast<std::size_t>(rank)] = state;
  this->state(op.out[output].tensor, rank) = state;
}

void Execution::advance(int rank, int from) {
  const auto operations = static_cast<int>(plan_.operations.size());
  int next = from + 1;
  while (next < operations && !executes(plan_.operations[static_cast<std::size_t>(next)], rank)) {
    ++next;
  }
  position_[static_cast<std::size_t>(rank)] = next;
}

// ---- obligations ------------------------------------------------------------------------------

void Execution::judge_operands(int operation, const std::vector<int>& ranks) {
  const Operation& op = plan_.operations[static_cast<std::size_t>(operation)];
  for (std::size_t i = 0; i < op.in.size(); ++i) {
    if (!op.in[i].expect.exists()) continue;
    if (plan_.spec(op.in[i].expect).partial_over.exists()) {
      judge_partial(operation, static_cast<int>(i), ranks);
    } else {
      judge_complete(operation, static_cast<int>(i), ranks);
    }
  }
}

void Execution::judge_complete(int operation, int operand, const std::vector<int>& ranks) {
  const Operand& in =
      plan_.operations[static_cast<std::size_t>(operation)].in[static_cast<std::size_t>(operand)];
  std::vector<RowFault> faults;
  std::vector<int> wrong;
  for (const int rank : ranks) {
    const StateId have = state(in.tensor, rank);
    if (judge_.met(in.expect, rank, have)) continue;
    judge_.faults(in.expect, rank, have, faults);
    wrong.push_back(rank);
  }
  if (!propagate_) {
    for (const int rank : wrong) state(in.tensor, rank) = judge_.reference(in.expect, rank);
  }
  settle(operation, operand, std::move(faults), ranks.size());
}

// The holders of a partial value are judged together, by their sum.
void Execution::judge_partial(int operation, int operand, const std::vector<int>& ranks) {
  const Operand& in =
      plan_.operations[static_cast<std::size_t>(operation)].in[static_cast<std::size_t>(operand)];
  const Group& group = plan_.group(plan_.spec(in.expect).partial_over);
  std::vector<RowFault> faults;
  for (const std::vector<int>& part : group.parts) {
    const bool asked =
        std::ranges::any_of(part, [&](int r) { return std::ranges::binary_search(ranks, r); });
    if (!asked) continue;
    std::vector<StateId> held;
    held.reserve(part.size());
    for (const int rank : part) held.push_back(state(in.tensor, rank));
    const StateId sum = states_.sum(held);
    if (judge_.met(in.expect, part.front(), sum)) continue;
    for (const int rank : part) judge_.faults(in.expect, rank, sum, faults);
    if (!propagate_) repair(in, part);
  }
  settle(operation, operand, std::move(faults), ranks.size());
}

// A partial value is repaired to: the first member holds it all, the others zero.
void Execution::repair(const Operand& operand, std::span<const int> ranks) {
  for (const int rank : ranks) {
    const StateId whole = judge_.reference(operand.expect, rank);
    const auto to_zero = [](ValueId v) { return v == kUndefined ? v : kZero; };
    state(operand.tensor, rank) = rank == ranks.front() ? whole : states_.map(whole, to_zero);
  }
}

void Execution::settle(int operation, int operand, std::vector<RowFault> faults,
                       std::size_t judged_ranks) {
  const Operation& op = plan_.operations[static_cast<std::size_t>(operation)];
  const auto all = static_cast<std::size_t>(op.ranks.empty() ? plan_.world : op.ranks.size());
  if (judged_ranks == all) {
    std::vector<int> wrong;
    for (const RowFault& fault : faults) wrong.push_back(fault.rank);
    judged_.push_back({operation, operand, RankSet::of(wrong)});
  }
  if (!faults.empty()) unmet_.push_back({operation, operand, std::move(faults)});
}

}  // namespace lockstep::contract
