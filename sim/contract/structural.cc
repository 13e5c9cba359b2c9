#include "sim/contract/structural.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "sim/contract/describe.h"

namespace lockstep::contract {
namespace {

Violation at_operation(const Execution& execution, Code code, int operation, int communicator,
                       const RankSet& ranks) {
  const Plan& plan = execution.plan();
  const Operation& op = plan.operations[static_cast<std::size_t>(operation)];
  Violation v;
  v.code = code;
  v.site = op.site;
  v.operation = operation_ref(plan, operation);
  v.consumer = v.operation;
  v.group = plan.group(op.group).role;
  v.group_object = plan.group(op.group).object;
  v.group_size = static_cast<int>(execution.meeting().at(communicator).members.size());
  v.ranks = ranks;
  v.because = op.because;
  v.stopped_at = fmt::format("{} of ranks {}", v.group_object,
                             to_string(RankSet::of(execution.meeting().at(communicator).members)));
  return v;
}

int lowest_operation(const std::vector<Arrival>& arrivals) {
  return std::ranges::min_element(arrivals, {}, &Arrival::operation)->operation;
}

RankSet ranks_of(const std::vector<Arrival>& arrivals) {
  std::vector<int> ranks;
  for (const Arrival& a : arrivals) ranks.push_back(a.rank);
  return RankSet::of(ranks);
}

// What keeps a missing member away.
std::string whereabouts(const Execution& execution, int rank) {
  const Plan& plan = execution.plan();
  const int position = execution.position(rank);
  if (position >= static_cast<int>(plan.operations.size())) return "has ended";
  const Operation& op = plan.operations[static_cast<std::size_t>(position)];
  return fmt::format("waits at operation {} ({})", position, to_string(op.kind));
}

using Waiting = std::vector<Wait>;

// Which waits go back, directly or through other waits, to a rank that a mismatch stopped.
std::vector<bool> consequences(const Execution& execution, const Waiting& waiting) {
  std::map<int, std::size_t> waits_in;  // by rank
  for (std::size_t i = 0; i < waiting.size(); ++i) {
    for (const Arrival& a : waiting[i].present) waits_in[a.rank] = i;
  }
  // Backwards from the stops: who waits for somebody who waits in `i`.
  std::vector<std::vector<std::size_t>> waiters(waiting.size());
  std::vector<bool> follows(waiting.size(), false);
  std::vector<std::size_t> reached;
  for (std::size_t i = 0; i < waiting.size(); ++i) {
    for (const int rank : waiting[i].missing) {
      if (execution.stopped(rank)) follows[i] = true;
      const auto there = waits_in.find(rank);
      if (there != waits_in.end()) waiters[there->second].push_back(i);
    }
    if (follows[i]) reached.push_back(i);
  }
  while (!reached.empty()) {
    const std::size_t at = reached.back();
    reached.pop_back();
    for (const std::size_t waiter : waiters[at]) {
      if (follows[waiter]) continue;
      follows[waiter] = true;
      reached.push_back(waiter);
    }
  }
  return follows;
}

Violation deadlock(const Execution& execution, const Waiting& waits) {
  const auto& [communicator, arrivals, absent] = *std::ranges::min_element(
      waits, {}, [](const Wait& wait) { return lowest_operation(wait.present); });
  const int operation = lowest_operation(arrivals);
  Violation v =
      at_operation(execution, Code::deadlock, operation, communicator, ranks_of(arrivals));
  v.message = fmt::format("deadlock: rank{} {} wait{} in {} over {} for rank {}, which {}",
                          arrivals.size() > 1 ? "s" : "", to_string(v.ranks),
                          arrivals.size() > 1 ? "" : "s", v.operation.kind, v.group, absent.front(),
                          whereabouts(execution, absent.front()));
  for (const Wait& wait : waits) {
    OperationRef at = operation_ref(execution.plan(), lowest_operation(wait.present));
    at.name = fmt::format("ranks {} wait for ranks {}", to_string(ranks_of(wait.present)),
                          to_string(RankSet::of(wait.missing)));
    v.cycle.push_back(std::move(at));
  }
  return v;
}

}  // namespace

StructuralFindings structural_findings(const Execution& execution) {
  StructuralFindings found;
  const auto stop = [&found](int operation) {
    found.stopped_at = found.stopped_at < 0 ? operation : std::min(found.stopped_at, operation);
  };
  for (const Mismatch& m : execution.mismatches()) {
    const int operation = lowest_operation(m.arrivals);
    stop(operation);
    Violation v = at_operation(execution, Code::collective_mismatch, operation, m.communicator,
                               ranks_of(m.arrivals));
    v.message =
        fmt::format("collective mismatch in {} over {}: {}", v.operation.kind, v.group, m.why);
    found.violations.push_back(std::move(v));
  }
  const Waiting waiting = execution.waiting();
  Waiting independent;
  const std::vector<bool> follows = consequences(execution, waiting);
  for (std::size_t i = 0; i < waiting.size(); ++i) {
    stop(lowest_operation(waiting[i].present));
    if (!follows[i]) independent.push_back(waiting[i]);
  }
  if (!independent.empty()) found.violations.push_back(deadlock(execution, independent));
  return found;
}

}  // namespace lockstep::contract
