// The collectives of an Interpreter: calls, and why ranks stop.
#include <fmt/format.h>

#include <algorithm>

#include "backend/numeric/interpreter.h"

namespace lockstep::numeric {

void Interpreter::call_collective(int operation, int rank) {
  const Operation& op = plan_.operations[static_cast<std::size_t>(operation)];
  const Held passed = op.in.empty() ? nullptr : ranks_.held(op.in.front().tensor, rank);
  const std::vector<Call> calls =
      meeting_.arrive(op.group, {rank, operation, passed ? row_count(passed) : -1});
  if (calls.empty()) {
    status_[static_cast<std::size_t>(rank)] = Status::waiting;
  } else {
    complete_collective(calls);
  }
}

void Interpreter::complete_collective(const std::vector<Call>& calls) {
  std::string why = mismatch(plan_, calls);
  if (!why.empty()) {
    for (const Call& call : calls) status_[static_cast<std::size_t>(call.rank)] = Status::stopped;
    stop(std::ranges::min_element(calls, {}, &Call::operation)->operation, std::move(why));
    return;
  }
  ranks_.exchange(calls);
  for (const Call& call : calls) {
    status_[static_cast<std::size_t>(call.rank)] = Status::running;
    advance(call.rank, call.operation);
  }
}

void Interpreter::stop(int operation, std::string why) {
  if (stopped_at_ >= 0 && stopped_at_ <= operation) return;
  stopped_at_ = operation;
  stopped_why_ = std::move(why);
}

void Interpreter::stop_for_waiting() {
  for (const Rendezvous::Waiting& waiting : meeting_.waiting()) {
    std::vector<int> present;
    for (const Call& call : waiting.present) present.push_back(call.rank);
    const int operation =
        std::ranges::min_element(waiting.present, {}, &Call::operation)->operation;
    const Operation& op = plan_.operations[static_cast<std::size_t>(operation)];
    stop(operation, fmt::format("ranks {} wait in {} for ranks {}, which never call it",
                                to_string(RankSet::of(present)), to_string(op.kind),
                                to_string(RankSet::of(waiting.absent))));
  }
}

}  // namespace lockstep::numeric
