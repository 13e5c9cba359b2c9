// The point-to-point calls of a rank: each half says what it calls and hears what its counterpart
// does, then the tensors go.
#include <optional>
#include <string>
#include <utility>

#include "backend/process/rank.h"

namespace lockstep::process {

// Says what this end calls; the other end's answer is waited for by meet().
MessageHalf Rank::half_with(int operation, int from, int to) {
  const Operation& op = plan_.operations[static_cast<std::size_t>(operation)];
  const MessageChannel channel{communicators_.communicator(op.group, rank_), from, to};
  const MessageHalf half{from == rank_ ? to : from, channel, messages_[channel]++};
  mesh_.send(half.peer, half_tag(half.channel, half.number),
             encode(std::vector<Notice>{notice(operation)}));
  return half;
}

Notice Rank::meet(const MessageHalf& half) {
  const Tag tag = half_tag(half.channel, half.number);
  std::vector<Notice> other = decode_notices(mesh_.receive_up_to(half.peer, tag, kLongestNotices));
  check_notices(plan_, other, {half.peer});
  return other.front();
}

// A half that fits goes whatever becomes of the other one: its peer waits for it alone.
void Rank::peer_to_peer(int operation) {
  const Operation& op = plan_.operations[static_cast<std::size_t>(operation)];
  const numeric::PeersOfCall peers = numeric::peers_of_call(plan_, op, rank_);
  if (!peers.refused.empty()) throw Mismatch(peers.refused);
  if (peers.to == rank_ && peers.from == rank_) return worker_.receive_own(operation);
  std::optional<MessageHalf> sent;
  std::optional<Worker::Incoming> incoming;
  if (peers.to && *peers.to != rank_) sent = half_with(operation, rank_, *peers.to);
  if (peers.from && *peers.from != rank_) {
    incoming = Worker::Incoming{half_with(operation, *peers.from, rank_), {}};
  }
  if (sent) worker_.begin_send(operation, *sent);
  std::string why;
  if (incoming) {
    const Notice other = meet(incoming->half);
    if (!other.shapes.empty()) incoming->shape = other.shapes.front();
    why = numeric::mismatch(plan_, operation_of(other), op);
    if (!why.empty()) incoming.reset();
  }
  worker_.end_messages(operation, incoming);
  if (sent && why.empty()) why = numeric::mismatch(plan_, op, operation_of(meet(*sent)));
  if (peers.to == rank_ || peers.from == rank_) why = "a rank waits for itself";
  if (!why.empty()) throw Mismatch(why);
}

const Operation& Rank::operation_of(const Notice& notice) const {
  return plan_.operations[static_cast<std::size_t>(notice.call.operation)];
}

}  // namespace lockstep::process
