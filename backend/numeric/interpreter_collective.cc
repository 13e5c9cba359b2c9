// The collectives of an Interpreter: calls, exchanges, and why ranks stop.
#include <fmt/format.h>

#include <algorithm>

#include "backend/numeric/collectives.h"
#include "backend/numeric/interpreter.h"

namespace lockstep::numeric {

void Interpreter::call_collective(int operation, int rank) {
  const Operation& op = plan_.operations[static_cast<std::size_t>(operation)];
  const Held passed = op.in.empty() ? nullptr : held(op.in.front().tensor, rank);
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
  const Operation& first = plan_.operations[static_cast<std::size_t>(calls.front().operation)];
  for (std::size_t output = 0; output < first.out.size(); ++output) {
    std::vector<Held> received = exchange(calls, output);
    for (std::size_t i = 0; i < calls.size(); ++i) {
      write(calls[i].operation, output, calls[i].rank, std::move(received[i]));
    }
  }
  for (const Call& call : calls) {
    status_[static_cast<std::size_t>(call.rank)] = Status::running;
    advance(call.rank, call.operation);
  }
}

// How many rows each member receives of a sum that returns home.
std::vector<std::int64_t> Interpreter::home_rows(const std::vector<Call>& calls,
                                                 std::size_t output) const {
  std::vector<std::int64_t> rows;
  for (const Call& call : calls) {
    const Operation& op = plan_.operations[static_cast<std::size_t>(call.operation)];
    const LayoutId home = plan_.spec(op.out[output].declared).rows;
    rows.push_back(static_cast<std::int64_t>(reference_.rows(home, call.rank).size()));
  }
  return rows;
}

std::vector<Held> Interpreter::exchange(const std::vector<Call>& calls, std::size_t output) {
  std::vector<Held> passed;
  for (const Call& call : calls) {
    const Operation& op = plan_.operations[static_cast<std::size_t>(call.operation)];
    passed.push_back(held(op.in[output].tensor, call.rank));
  }
  const Operation& op = plan_.operations[static_cast<std::size_t>(calls.front().operation)];
  const std::vector<std::int64_t> home =
      op.kind == OpKind::combine ? home_rows(calls, output) : std::vector<std::int64_t>();
  return numeric::exchange(plan_, calls, output, passed, home, Storage::float32);
}

void Interpreter::stop(int operation, std::string why) {
  if (result_.stopped_at >= 0 && result_.stopped_at <= operation) return;
  result_.stopped_at = operation;
  result_.stopped_why = std::move(why);
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
