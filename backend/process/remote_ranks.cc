#include "backend/process/remote_ranks.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <utility>

#include "backend/numeric/as_kept.h"

namespace lockstep::process {

using numeric::Call;
using numeric::Held;

std::vector<ToShow> to_show(const Plan& plan, int operation) {
  std::vector<ToShow> tensors;
  if (operation >= static_cast<int>(plan.operations.size())) return tensors;
  const Operation& op = plan.operations[static_cast<std::size_t>(operation)];
  for (const Operand& in : op.in) {
    if (in.expect.exists()) tensors.push_back({in.tensor, true});
  }
  const bool calls = communicates(op.kind) && !op.in.empty() && !op.in.front().expect.exists();
  if (calls) tensors.push_back({op.in.front().tensor, false});
  return tensors;
}

std::vector<TensorId> watched(const Plan& plan, int rank) {
  std::set<TensorId> tensors;
  for (const Operation& op : plan.operations) {
    if (executes(op, rank)) continue;
    for (const Operand& in : op.in) {
      if (!in.expect.exists()) continue;
      const GroupId over = plan.spec(in.expect).partial_over;
      if (over.exists() && membership(plan, over, rank).members != nullptr) {
        tensors.insert(in.tensor);
      }
    }
  }
  return {tensors.begin(), tensors.end()};
}

RemoteRanks::RemoteRanks(const Plan& plan, const numeric::ReplayOptions& options, Line line)
    : plan_(plan),
      options_(options),
      line_(std::move(line)),
      unknown_(numeric::make_held({{-1, -1}}, {})),
      known_(plan.tensors.size() * static_cast<std::size_t>(plan.world)),
      remotes_(static_cast<std::size_t>(plan.world)) {
  for (Known& k : known_) k.current = true;  // nobody has written anything
  for (int rank = 0; rank < plan.world; ++rank) {
    remotes_[static_cast<std::size_t>(rank)].watched = watched(plan, rank);
  }
}

RemoteRanks::Known& RemoteRanks::known(TensorId tensor, int rank) {
  return known_[tensor.index() * static_cast<std::size_t>(plan_.world) +
                static_cast<std::size_t>(rank)];
}

// A rank that has written a watched tensor shows it at its next operation, which it reaches without
// anybody's help.
Held RemoteRanks::held(TensorId tensor, int rank) {
  const Remote& remote = remotes_[static_cast<std::size_t>(rank)];
  const Known& k = known(tensor, rank);
  const bool will_show = remote.is_on && std::ranges::binary_search(remote.watched, tensor);
  if (will_show && !k.current) hear(rank);
  return k.current ? k.held : unknown_;
}

void RemoteRanks::put(TensorId tensor, int rank, Held value) {
  value = numeric::as_kept(std::move(value), options_.storage, options_.garbage);
  remotes_[static_cast<std::size_t>(rank)].repaired.push_back({tensor, true, value});
  known(tensor, rank) = {true, true, std::move(value)};
}

// Reads the rank's next message. What is known and has not been written since stays one object.
void RemoteRanks::hear(int rank) {
  Remote& remote = remotes_[static_cast<std::size_t>(rank)];
  Arrival arrival = line_.receive(rank);
  remote.arrived = arrival.operation;
  remote.is_on = false;
  for (const numeric::RouterChoice& choice : arrival.choices) line_.record(choice);
  for (Shown& shown : arrival.shown) {
    Known& k = known(shown.tensor, rank);
    if (k.current && (k.has_values || !shown.has_values)) continue;
    k = {true, shown.has_values, std::move(shown.held)};
  }
}

void RemoteRanks::arrive(int operation, const std::vector<int>& ranks) {
  for (const int rank : ranks) {
    Remote& remote = remotes_[static_cast<std::size_t>(rank)];
    if (remote.is_on) hear(rank);
    if (remote.arrived == operation) continue;
    throw BytesError(fmt::format("rank {} is at operation {} where the plan has it at {}", rank,
                                 remote.arrived, operation));
  }
}

void RemoteRanks::let_on(int rank) {
  Remote& remote = remotes_[static_cast<std::size_t>(rank)];
  line_.send(rank, GoOn{std::exchange(remote.repaired, {})});
  remote.is_on = true;
  remote.is_held_back = false;
}

void RemoteRanks::go_on(int operation, int rank, bool may_change) {
  const OpKind kind = plan_.operations[static_cast<std::size_t>(operation)].kind;
  if (may_change && is_collective(kind)) {
    remotes_[static_cast<std::size_t>(rank)].is_held_back = true;
  } else {
    let_on(rank);
  }
}

void RemoteRanks::forget_outputs(int operation, int rank) {
  const Operation& op = plan_.operations[static_cast<std::size_t>(operation)];
  for (const Output& out : op.out) known(out.tensor, rank) = {};
}

// A router tells what it chose when it is through, before anybody asks the reference.
void RemoteRanks::compute(int operation, int rank) {
  forget_outputs(operation, rank);
  if (plan_.operations[static_cast<std::size_t>(operation)].kind == OpKind::router) hear(rank);
}

// In place, alone or as one whose result is not the sum.
bool RemoteRanks::leaves_as_it_was(const std::vector<Call>& calls, std::size_t member) const {
  const Operation& op = plan_.operations[static_cast<std::size_t>(calls[member].operation)];
  if (op.in.empty() || op.out.empty() || op.in.front().tensor != op.out.front().tensor) {
    return false;
  }
  const bool is_root = static_cast<std::size_t>(std::max(op.root, 0)) == member;
  return calls.size() == 1 || (op.kind == OpKind::reduce && !is_root) ||
         (op.kind == OpKind::broadcast && is_root);
}

void RemoteRanks::exchange(const std::vector<Call>& calls) {
  for (std::size_t i = 0; i < calls.size(); ++i) {
    if (remotes_[static_cast<std::size_t>(calls[i].rank)].is_held_back) let_on(calls[i].rank);
    if (!leaves_as_it_was(calls, i)) forget_outputs(calls[i].operation, calls[i].rank);
  }
}

void RemoteRanks::receive(int operation, int rank, Held) { forget_outputs(operation, rank); }

void RemoteRanks::dismiss(const std::vector<int>& ranks) {
  for (const int rank : ranks) {
    if (remotes_[static_cast<std::size_t>(rank)].is_on) hear(rank);
    let_on(rank);
  }
}

}  // namespace lockstep::process
