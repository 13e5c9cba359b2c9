#include "backend/numeric/interpreter.h"

#include <algorithm>

namespace lockstep::numeric {

int next_operation(const Plan& plan, int rank, int from) {
  const auto operations = static_cast<int>(plan.operations.size());
  int next = from + 1;
  while (next < operations && !executes(plan.operations[static_cast<std::size_t>(next)], rank)) {
    ++next;
  }
  return next;
}

Interpreter::Interpreter(const Plan& plan, const ReplayOptions& options, Ranks& ranks, Judge& judge)
    : plan_(plan),
      options_(options),
      ranks_(ranks),
      judge_(judge),
      meeting_(plan),
      messages_(static_cast<std::size_t>(plan.world)),
      position_(static_cast<std::size_t>(plan.world), -1),
      status_(static_cast<std::size_t>(plan.world), Status::running) {
  for (int rank = 0; rank < plan.world; ++rank) advance(rank, -1);
}

// One sweep over the plan is enough where all ranks keep step; a rank that had to wait for a later
// line of others goes on in the next sweep.
ReplayResult Interpreter::run() {
  const auto operations = static_cast<int>(plan_.operations.size());
  moved_ = true;
  while (moved_) {
    moved_ = false;
    const int first = *std::ranges::min_element(position_);
    for (int operation = std::max(first, 0); operation < operations; ++operation) {
      if (options_.progress) options_.progress(operation, operations);
      step(operation);
    }
  }
  stop_for_waiting();
  stop_for_waiting_peers();
  ReplayResult result = judge_.result();
  if (stopped_at_ >= 0) result.verdict = ReplayVerdict::stopped;
  result.stopped_at = stopped_at_;
  result.stopped_why = std::move(stopped_why_);
  return result;
}

void Interpreter::step(int operation) {
  std::vector<int> here;
  for (int rank = 0; rank < plan_.world; ++rank) {
    const auto r = static_cast<std::size_t>(rank);
    if (position_[r] == operation && status_[r] == Status::running) here.push_back(rank);
  }
  if (here.empty()) return;
  ranks_.arrive(operation, here);
  judge_.judge(operation, here);
  for (const int rank : here) ranks_.go_on(operation, rank, judge_.is_gathering(rank));
  for (const int rank : here) execute(operation, rank);
}

void Interpreter::execute(int operation, int rank) {
  const OpKind kind = plan_.operations[static_cast<std::size_t>(operation)].kind;
  if (is_collective(kind)) return call_collective(operation, rank);
  if (is_point_to_point(kind)) return call_peer(operation, rank);
  ranks_.compute(operation, rank);
  advance(rank, operation);
}

void Interpreter::advance(int rank, int from) {
  position_[static_cast<std::size_t>(rank)] = next_operation(plan_, rank, from);
  moved_ = true;
}

}  // namespace lockstep::numeric
