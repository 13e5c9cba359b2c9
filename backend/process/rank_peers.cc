// The point-to-point calls of a rank: each half waits for its counterpart, then the tensor goes.
#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include "backend/process/rank.h"

namespace lockstep::process {

using numeric::Held;
using numeric::Matrix;
using numeric::Shape;

namespace {

std::vector<float> elements_of(const Held& held) {
  std::vector<float> elements;
  for (std::int64_t r = 0; r < numeric::row_count(held); ++r) {
    const std::span<const float> row = held->values.row(r);
    elements.insert(elements.end(), row.begin(), row.end());
  }
  return elements;
}

Held held_of(const Shape& shape, std::span<const float> elements) {
  if (!shape.written) return nullptr;
  Matrix<float> values(shape.rows, numeric::width_of(shape.columns));
  for (std::int64_t r = 0; r < values.rows(); ++r) {
    const auto width = static_cast<std::size_t>(values.columns());
    std::ranges::copy(elements.subspan(static_cast<std::size_t>(r) * width, width),
                      values.row(r).begin());
  }
  return numeric::make_held(shape.columns, std::move(values));
}

}  // namespace

// Says what this end calls; the other end's answer is waited for by meet().
Rank::Half Rank::half_with(int operation, int from, int to) {
  const Operation& op = plan_.operations[static_cast<std::size_t>(operation)];
  const MessageChannel channel{communicators_.communicator(op.group, rank_), from, to};
  const Half half{from == rank_ ? to : from, channel, messages_[channel]++};
  mesh_.send(half.peer, half_tag(half.channel, half.number),
             encode(std::vector<Notice>{notice(operation)}));
  return half;
}

Notice Rank::meet(const Half& half) {
  const Tag tag = half_tag(half.channel, half.number);
  std::vector<Notice> other = decode_notices(mesh_.receive_up_to(half.peer, tag, kLongestNotices));
  check_notices(plan_, other, {half.peer});
  return other.front();
}

// No half waits for the other: their peers must not wait for each other either. So a tensor leaves
// with its half, unless it is large: then it goes while the other one comes.
void Rank::peer_to_peer(int operation) {
  const Operation& op = plan_.operations[static_cast<std::size_t>(operation)];
  const numeric::PeersOfCall peers = numeric::peers_of_call(plan_, op, rank_);
  if (!peers.refused.empty()) throw Mismatch(peers.refused);
  const Held passed = op.in.empty() ? nullptr : held_.held(op.in.front().tensor, rank_);
  if (peers.to == rank_ && peers.from == rank_) return held_.receive(operation, rank_, passed);
  std::optional<Half> sending;
  std::optional<Half> receiving;
  if (peers.to && *peers.to != rank_) sending = half_with(operation, rank_, *peers.to);
  if (peers.from && *peers.from != rank_) receiving = half_with(operation, *peers.from, rank_);
  const std::vector<float> elements = sending ? elements_of(passed) : std::vector<float>();
  TurnRunner::Outgoing out;
  if (sending) out = {sending->peer, message_tag(sending->channel, sending->number), elements};
  constexpr std::size_t kLarge = 1 << 17;
  if (elements.size() < kLarge) runner_.send_receive(std::exchange(out, {}), {});
  std::string why;
  if (receiving) why = take_message(operation, *receiving, out);
  if (!receiving) runner_.send_receive(out, {});
  if (sending && why.empty()) {
    why = numeric::mismatch(plan_, op, operation_of(meet(*sending)));
  }
  if (peers.to == rank_ || peers.from == rank_) why = "a rank waits for itself";
  if (!why.empty()) throw Mismatch(why);
}

const Operation& Rank::operation_of(const Notice& notice) const {
  return plan_.operations[static_cast<std::size_t>(notice.call.operation)];
}

// Returns why what comes is not what is received, if it is not.
std::string Rank::take_message(int operation, const Half& half, const TurnRunner::Outgoing& out) {
  const Notice other = meet(half);
  Shape shape;
  if (!other.shapes.empty()) shape = other.shapes.front();
  std::vector<float> message(
      static_cast<std::size_t>(shape.written ? shape.rows * numeric::width_of(shape.columns) : 0));
  runner_.send_receive(out, {half.peer, message_tag(half.channel, half.number), message});
  const Operation& op = plan_.operations[static_cast<std::size_t>(operation)];
  std::string why = numeric::mismatch(plan_, operation_of(other), op);
  if (why.empty()) held_.receive(operation, rank_, held_of(shape, message));
  return why;
}

}  // namespace lockstep::process
