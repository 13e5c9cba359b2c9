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

Execution::Execution(const Plan& plan, const Options& options)
    : plan_(plan),
      propagate_(options.propagate),
      exact_(options.exact || options.propagate || options.keep_states),
      verdict_only_(options.verdict_only),
      places_(plan),
      values_(plan, expected_states(plan)),
      states_(values_, expected_states(plan)),
      judge_(plan, places_, values_, states_),
      forms_(plan, places_, values_, states_),
      current_(plan.tensors.size()),
      position_(static_cast<std::size_t>(plan.world), -1),
      status_(static_cast<std::size_t>(plan.world), Status::running) {
  std::size_t outputs = 0;
  for (const Operation& op : plan.operations) {
    first_output_of_.push_back(outputs);
    outputs += op.out.size();
  }
  written_.resize(outputs);
  if (exact_) fall_apart(0);
}

void Execution::run() {
  int next = 0;
  bool moved = true;
  while (moved && !has_enough()) {
    if (together_) next = run_together(next);
    moved = !together_ && sweep(next);
  }
}

// Up to the end, or to the first operation after which ranks stand apart.
int Execution::run_together(int operation) {
  const auto operations = static_cast<int>(plan_.operations.size());
  while (together_ && operation < operations && !has_enough()) {
    step_together(operation++);
  }
  return operation;
}

void Execution::step_together(int operation) {
  const Operation& op = plan_.operations[static_cast<std::size_t>(operation)];
  for (std::size_t i = 0; i < op.in.size(); ++i) {
    if (!op.in[i].expect.exists() || judge_by_form(operation, static_cast<int>(i))) continue;
    judge_operand(operation, static_cast<int>(i), ranks_of(op));
  }
  if (tell_by_form(operation)) return;
  const std::vector<int> ranks = ranks_of(op);
  if (!communicates(op.kind)) {
    memo_.clear();
    for (const int rank : ranks) run_local(operation, rank);
    return find_form(operation);
  }
  for (const int rank : ranks) position_[static_cast<std::size_t>(rank)] = operation;
  for (const int rank : ranks) run_call(operation, rank);
  const bool all_through = std::ranges::all_of(
      ranks, [&](int rank) { return status_[static_cast<std::size_t>(rank)] == Status::running; });
  if (all_through) {
    find_form(operation);
  } else {
    fall_apart(operation);
  }
}

// The position of each rank that did not take part in `operation` is looked up now.
void Execution::fall_apart(int operation) {
  together_ = false;
  furthest_ = operation;
  const bool none_yet = exact_;
  for (int rank = 0; rank < plan_.world; ++rank) {
    const bool placed = !none_yet && position(rank) >= operation;
    if (!placed) advance(rank, none_yet ? -1 : operation);
  }
}

// No rank is ahead of the sweep, and none waits: they can be taken together again.
bool Execution::keeps_step(int operation) const {
  if (exact_ || furthest_ > operation) return false;
  for (std::size_t rank = 0; rank < position_.size(); ++rank) {
    if (status_[rank] != Status::running || position_[rank] <= operation) return false;
  }
  return true;
}

// One sweep is enough where all ranks keep step; a rank that had to wait for a later line of others
// goes on in the next sweep.
bool Execution::sweep(int& next) {
  const auto operations = static_cast<int>(plan_.operations.size());
  bool moved = false;
  const int first = *std::ranges::min_element(position_);
  for (int operation = std::max(first, 0); operation < operations && !has_enough(); ++operation) {
    moved = step(operation) || moved;
    if (!keeps_step(operation)) continue;
    together_ = true;
    next = operation + 1;
    return true;
  }
  return moved;
}

const std::vector<int>& Execution::ranks_of(const Operation& op) {
  here_ = op.ranks.empty() ? RankSet::range(0, plan_.world).to_vector() : op.ranks.to_vector();
  return here_;
}

void Execution::stop(int communicator, std::vector<Arrival> arrivals, std::string why) {
  for (const Arrival& a : arrivals) {
    status_[static_cast<std::size_t>(a.rank)] = Status::stopped;
    mail_.withdraw(a.rank);
    calls_.erase(a.rank);
  }
  mismatches_.push_back({communicator, std::move(arrivals), std::move(why)});
}

std::vector<Wait> Execution::waiting() const {
  std::vector<Wait> all = meeting_ ? meeting_->waiting() : std::vector<Wait>();
  for (Wait& wait : mail_.waiting()) all.push_back(std::move(wait));
  return all;
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
  if (communicates(op.kind)) {
    const std::size_t before = advances_;
    const std::vector<int> ranks = here_;
    for (const int rank : ranks) run_call(operation, rank);
    return advances_ != before;
  }
  memo_.clear();
  for (const int rank : here_) {
    run_local(operation, rank);
    advance(rank, operation);
  }
  return true;
}

StateId Execution::state_in(const Holding& holding, int rank) {
  if (!holding.states.empty()) {
    const StateId held = holding.states[static_cast<std::size_t>(rank)];
    if (held != kByForm) return held;
  }
  return holding.form.exists() ? forms_.state(holding.form, rank) : StateId::none();
}

void Execution::set_state(TensorId tensor, int rank, StateId state) {
  Holding& holding = current_[tensor.index()];
  if (holding.states.empty()) {
    const StateId other = holding.form.exists() ? kByForm : StateId::none();
    holding.states.assign(static_cast<std::size_t>(plan_.world), other);
  }
  holding.states[static_cast<std::size_t>(rank)] = state;
}

std::int64_t Execution::rows_held(TensorId tensor, int rank) {
  const Holding& holding = current_[tensor.index()];
  if (!holding.states.empty()) {
    const StateId held = holding.states[static_cast<std::size_t>(rank)];
    if (held != kByForm) return held.exists() ? states_.rows(held) : -1;
  }
  if (!holding.form.exists()) return -1;
  const RankSet& holders = forms_.at(holding.form).holders;
  if (!holders.empty() && !holders.contains(rank)) return -1;
  return forms_.row_count(holding.form, rank);
}

StateId Execution::written(int operation, int output, int rank) {
  const std::size_t index =
      first_output_of_[static_cast<std::size_t>(operation)] + static_cast<std::size_t>(output);
  return state_in(written_[index], rank);
}

void Execution::write(int operation, std::size_t output, int rank, StateId state) {
  const Operation& op = plan_.operations[static_cast<std::size_t>(operation)];
  Holding& written = written_[first_output_of_[static_cast<std::size_t>(operation)] + output];
  if (written.states.empty()) {
    written.states.assign(static_cast<std::size_t>(plan_.world), StateId::none());
  }
  written.states[static_cast<std::size_t>(rank)] = state;
  set_state(op.out[output].tensor, rank, state);
}

bool Execution::left_out(const Operation& op, int rank) const {
  if (op.kind == OpKind::reduce) return places_.index(op.group, rank) != op.root;
  return op.kind == OpKind::send_recv && peer_of(op.from, places_.index(op.group, rank)) == -1;
}

void Execution::advance(int rank, int from) {
  const auto operations = static_cast<int>(plan_.operations.size());
  ++advances_;
  int next = from + 1;
  while (next < operations && !executes(plan_.operations[static_cast<std::size_t>(next)], rank)) {
    ++next;
  }
  position_[static_cast<std::size_t>(rank)] = next;
  furthest_ = std::max(furthest_, from);
}

}  // namespace lockstep::contract
