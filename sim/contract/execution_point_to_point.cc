// Sends and receives of an Execution: who meets whom, and what arrives.
#include <fmt/format.h>

#include "sim/contract/execution.h"

namespace lockstep::contract {
namespace {

bool sends_something(OpKind kind) { return kind == OpKind::send || kind == OpKind::send_recv; }
bool receives_something(OpKind kind) { return kind == OpKind::recv || kind == OpKind::send_recv; }

// Why the library refuses `peer` as an argument of member `index` of `members`; empty if it does
// not. Only send_recv may name nobody, or oneself.
std::string refused_peer(OpKind kind, int peer, int index, int members) {
  if (kind == OpKind::send_recv && peer == -1) return {};
  if (peer < 0 || peer >= members) {
    return fmt::format("peer {} of a group of {}", peer, members);
  }
  if (kind != OpKind::send_recv && peer == index) {
    return fmt::format("itself, peer {} of a group of {}", peer, members);
  }
  return {};
}

}  // namespace

std::string Execution::refused_peers(const Operation& op, int rank) const {
  const Membership m = places_.membership(op.group, rank);
  const auto members = static_cast<int>(m.members->size());
  std::string why;
  if (sends_something(op.kind)) {
    why = refused_peer(op.kind, peer_of(op.to, m.index), m.index, members);
  }
  if (why.empty() && receives_something(op.kind)) {
    why = refused_peer(op.kind, peer_of(op.from, m.index), m.index, members);
  }
  return why.empty() ? why : fmt::format("rank {} calls {} with {}", rank, to_string(op.kind), why);
}

void Execution::run_point_to_point(int operation, int rank) {
  const Operation& op = plan_.operations[static_cast<std::size_t>(operation)];
  if (!meeting_) meeting_.emplace(plan_, places_);
  const int communicator = meeting_->communicator(op.group, rank);
  std::string why = refused_peers(op, rank);
  if (!why.empty()) return stop(communicator, {{rank, operation}}, std::move(why));
  const Membership m = places_.membership(op.group, rank);
  const int to = sends_something(op.kind) ? peer_of(op.to, m.index) : -1;
  const int from = receives_something(op.kind) ? peer_of(op.from, m.index) : -1;
  const auto rank_of = [&](int peer) { return (*m.members)[static_cast<std::size_t>(peer)]; };
  status_[static_cast<std::size_t>(rank)] = Status::waiting;
  calls_[rank] = {operation, (to >= 0 ? 1 : 0) + (from >= 0 ? 1 : 0), std::nullopt};
  if (calls_[rank].open == 0) return finish(rank);
  if (to >= 0) {
    const StateId value = state(op.in.front().tensor, rank);
    const auto met = mail_.send(communicator, rank, rank_of(to), operation, value);
    if (met) complete_transfer(*met);
  }
  if (from >= 0 && !stopped(rank)) {
    const auto met = mail_.receive(communicator, rank_of(from), rank, operation);
    if (met) complete_transfer(*met);
  }
}

void Execution::complete_transfer(const Transfer& transfer) {
  std::string why = disagreement(transfer);
  if (!why.empty()) {
    std::vector<Arrival> both{{transfer.from, transfer.sends}};
    if (transfer.to != transfer.from) both.push_back({transfer.to, transfer.receives});
    return stop(transfer.communicator, std::move(both), std::move(why));
  }
  transfers_.emplace(transfer.receives, transfer.sends);
  calls_[transfer.to].received = transfer.value;
  for (const int rank : {transfer.from, transfer.to}) {
    if (--calls_[rank].open == 0) finish(rank);
  }
}

std::string Execution::disagreement(const Transfer& transfer) const {
  const Operation& sender = plan_.operations[static_cast<std::size_t>(transfer.sends)];
  const Operation& receiver = plan_.operations[static_cast<std::size_t>(transfer.receives)];
  const Tensor& sent = plan_.tensor(sender.in.front().tensor);
  const Tensor& wanted = plan_.tensor(receiver.out.front().tensor);
  const auto differs = [&](std::string_view what, const std::string& here,
                           const std::string& there) {
    return fmt::format("rank {} sends {} {}, rank {} receives {}", transfer.from, what, here,
                       transfer.to, there);
  };
  if (sent.dtype != wanted.dtype) return differs("data type", sent.dtype, wanted.dtype);
  if (sent.columns != wanted.columns) return differs("columns", sent.columns, wanted.columns);
  return {};
}

// Both halves have met. A rank that receives nothing keeps its result as it was.
void Execution::finish(int rank) {
  const Call call = calls_[rank];
  calls_.erase(rank);
  const Operation& op = plan_.operations[static_cast<std::size_t>(call.operation)];
  if (!op.out.empty()) {
    const TensorId result = op.out.front().tensor;
    write(call.operation, 0, rank, call.received ? *call.received : state(result, rank));
  }
  status_[static_cast<std::size_t>(rank)] = Status::running;
  advance(rank, call.operation);
}

}  // namespace lockstep::contract
