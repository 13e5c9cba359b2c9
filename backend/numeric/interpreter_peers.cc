// The point-to-point calls of an Interpreter.
#include <fmt/format.h>

#include "backend/numeric/interpreter.h"

namespace lockstep::numeric {

void Interpreter::call_peer(int operation, int rank) {
  const Operation& op = plan_.operations[static_cast<std::size_t>(operation)];
  const PeersOfCall peers = peers_of_call(plan_, op, rank);
  const auto r = static_cast<std::size_t>(rank);
  if (!peers.refused.empty()) {
    status_[r] = Status::stopped;
    return stop(operation, peers.refused);
  }
  Message& message = messages_[r];
  message = {};
  if (!op.in.empty()) message.sent = ranks_.held(op.in.front().tensor, rank);
  message.halves = (peers.to ? 1 : 0) + (peers.from ? 1 : 0);
  status_[r] = Status::waiting;
  if (message.halves == 0) return finish_message({rank, operation});
  const int communicator = meeting_.communicator(op.group, rank);
  if (peers.to) {
    const auto other = peers_.post(communicator, rank, *peers.to, true, {rank, operation});
    if (other) deliver({rank, operation}, *other);
  }
  if (peers.from && status_[r] == Status::waiting) {
    const auto other = peers_.post(communicator, *peers.from, rank, false, {rank, operation});
    if (other) deliver(*other, {rank, operation});
  }
}

void Interpreter::deliver(Peers::Half sender, Peers::Half receiver) {
  const auto op_of = [&](Peers::Half half) -> const Operation& {
    return plan_.operations[static_cast<std::size_t>(half.operation)];
  };
  std::string why = mismatch(plan_, op_of(sender), op_of(receiver));
  if (!why.empty()) {
    for (const int rank : {sender.rank, receiver.rank}) {
      status_[static_cast<std::size_t>(rank)] = Status::stopped;
      peers_.withdraw(rank);
    }
    return stop(std::min(sender.operation, receiver.operation), std::move(why));
  }
  Message& to = messages_[static_cast<std::size_t>(receiver.rank)];
  to.received = messages_[static_cast<std::size_t>(sender.rank)].sent;
  for (const Peers::Half half : {sender, receiver}) {
    if (--messages_[static_cast<std::size_t>(half.rank)].halves == 0) finish_message(half);
  }
}

// Without a receiving half the result stays as it was.
void Interpreter::finish_message(Peers::Half half) {
  Message& message = messages_[static_cast<std::size_t>(half.rank)];
  if (message.received) ranks_.receive(half.operation, half.rank, std::move(*message.received));
  message = {};
  status_[static_cast<std::size_t>(half.rank)] = Status::running;
  advance(half.rank, half.operation);
}

void Interpreter::stop_for_waiting_peers() {
  for (const Peers::Waiting& waiting : peers_.waiting()) {
    const Operation& op = plan_.operations[static_cast<std::size_t>(waiting.half.operation)];
    stop(waiting.half.operation,
         fmt::format("rank {} waits in {} for rank {}, which never {}", waiting.half.rank,
                     to_string(op.kind), waiting.peer, waiting.sends ? "receives" : "sends"));
  }
}

}  // namespace lockstep::numeric
