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

// How many rows of the sum each member receives.
std::vector<std::int64_t> Interpreter::chunk_sizes(const std::vector<Call>& calls,
                                                   std::size_t output) const {
  const auto members = static_cast<std::int64_t>(calls.size());
  std::vector<std::int64_t> sizes;
  for (std::size_t i = 0; i < calls.size(); ++i) {
    const Operation& op = plan_.operations[static_cast<std::size_t>(calls[i].operation)];
    if (op.kind == OpKind::reduce_scatterv) {
      sizes.push_back(plan_.size_table(op.sizes).sizes[i]);
    } else if (op.kind == OpKind::combine) {
      const LayoutId home = plan_.spec(op.out[output].declared).rows;
      sizes.push_back(static_cast<std::int64_t>(reference_.rows(home, calls[i].rank).size()));
    } else {
      sizes.push_back(std::max<std::int64_t>(calls[i].rows, 0) / members);
    }
  }
  return sizes;
}

std::vector<Held> Interpreter::exchange(const std::vector<Call>& calls, std::size_t output) {
  std::vector<Held> passed;
  for (const Call& call : calls) {
    const Operation& op = plan_.operations[static_cast<std::size_t>(call.operation)];
    passed.push_back(held(op.in[output].tensor, call.rank));
  }
  const Operation& op = plan_.operations[static_cast<std::size_t>(calls.front().operation)];
  if (op.kind == OpKind::all_reduce) return all_reduce(passed, op.reduction);
  if (takes_root(op.kind)) return exchange_with_root(calls, passed);
  if (sums(op.kind)) return reduce_scatter(passed, chunk_sizes(calls, output), op.reduction);
  if (op.kind == OpKind::all_to_all || op.kind == OpKind::all_to_allv) {
    return all_to_all(passed, sizes_between(calls));
  }
  return all_gather(passed, op.kind == OpKind::all_gather ? op.axis : Axis::rows);
}

// In place, a member that is not the root keeps what it has.
std::vector<Held> Interpreter::exchange_with_root(const std::vector<Call>& calls,
                                                  const std::vector<Held>& passed) const {
  const Operation& op = plan_.operations[static_cast<std::size_t>(calls.front().operation)];
  const auto root = static_cast<std::size_t>(op.root);
  if (op.kind == OpKind::broadcast) return std::vector<Held>(passed.size(), passed[root]);
  std::vector<Held> received = reduce(passed, op.reduction, root);
  for (std::size_t i = 0; i < calls.size(); ++i) {
    const Operation& own = plan_.operations[static_cast<std::size_t>(calls[i].operation)];
    const bool in_place = own.in.front().tensor == own.out.front().tensor;
    if (in_place && i != root) received[i] = passed[i];
  }
  return received;
}

// How many rows each member has for each other, row-major.
std::vector<std::int64_t> Interpreter::sizes_between(const std::vector<Call>& calls) const {
  const Operation& op = plan_.operations[static_cast<std::size_t>(calls.front().operation)];
  if (op.kind == OpKind::all_to_allv) return plan_.size_table(op.sizes).sizes;
  const std::int64_t rows = std::ranges::max(calls, {}, &Call::rows).rows;
  const auto members = static_cast<std::int64_t>(calls.size());
  return std::vector<std::int64_t>(calls.size() * calls.size(),
                                   std::max<std::int64_t>(rows, 0) / members);
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
