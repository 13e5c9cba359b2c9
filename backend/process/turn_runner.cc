#include "backend/process/turn_runner.h"

#include <utility>

#include "backend/process/channels.h"

namespace lockstep::process {

using numeric::Exchange;
using numeric::Storage;
using numeric::Turn;

namespace {

std::span<float> part(std::span<float> working, numeric::Interval elements) {
  return working.subspan(static_cast<std::size_t>(elements.first),
                         static_cast<std::size_t>(elements.size()));
}

}  // namespace

void TurnRunner::take_turns(const Exchange& exchange, const CallPlace& place,
                            std::span<float> working) {
  std::uint32_t round = 0;
  for (const Turn& turn : exchange.turns(static_cast<int>(place.self))) {
    const Tag tag = turn_tag(place.communicator, place.call, place.output, round++);
    take_turn(exchange, turn, place.members, tag, working);
  }
}

void TurnRunner::take_turn(const Exchange& exchange, const Turn& turn,
                           const std::vector<int>& members, const Tag& tag,
                           std::span<float> working) {
  const auto peer = [&](int member) {
    return member < 0 ? -1 : members[static_cast<std::size_t>(member)];
  };
  Outgoing out{peer(turn.to), tag, {}};
  if (turn.to >= 0) out.elements = part(working, turn.send);
  Incoming in{peer(turn.from), tag, {}};
  if (turn.folds) {
    message_.resize(static_cast<std::size_t>(turn.receive.size()));
    in.elements = message_;
  } else if (turn.from >= 0) {
    in.elements = part(working, turn.receive);  // straight to its place: turns.h
  }
  send_receive(out, in);
  if (turn.folds) exchange.take(turn, message_, working);
}

void TurnRunner::send_receive(const Outgoing& out, const Incoming& in) {
  if (storage_ == Storage::float32) {
    mesh_.send_receive({out.peer, out.tag, std::as_bytes(out.elements)},
                       {in.peer, in.tag, std::as_writable_bytes(in.elements)});
  } else {
    std::vector<std::uint16_t> sent(out.elements.size());
    numeric::bits_of(out.elements, storage_, sent);
    std::vector<std::uint16_t> received(in.elements.size());
    mesh_.send_receive({out.peer, out.tag, std::as_bytes(std::span(sent))},
                       {in.peer, in.tag, std::as_writable_bytes(std::span(received))});
    numeric::values_of(received, storage_, in.elements);
  }
  if (out.peer < 0 || out.elements.empty()) return;
  sent_bytes_[out.peer] +=
      static_cast<std::int64_t>(out.elements.size()) * numeric::bytes_per_element(storage_);
}

std::map<int, std::int64_t> TurnRunner::take_sent_bytes() { return std::exchange(sent_bytes_, {}); }

}  // namespace lockstep::process
