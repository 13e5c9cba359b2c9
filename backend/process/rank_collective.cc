// The collectives of a rank: the members compare their calls, then take their turns.
#include <algorithm>
#include <bit>
#include <cstdint>
#include <iterator>
#include <span>

#include "backend/process/channels.h"
#include "backend/process/rank.h"

namespace lockstep::process {

using numeric::Call;
using numeric::Exchange;
using numeric::Held;
using numeric::Shape;
using numeric::Storage;
using numeric::Turn;

namespace {

// bfloat16 is the upper half of a float32 that it can hold.
std::vector<std::uint16_t> halves_of(std::span<const float> values) {
  std::vector<std::uint16_t> halves;
  halves.reserve(values.size());
  for (const float v : values) {
    halves.push_back(static_cast<std::uint16_t>(std::bit_cast<std::uint32_t>(v) >> 16));
  }
  return halves;
}

void widen(std::span<const std::uint16_t> halves, std::span<float> values) {
  for (std::size_t i = 0; i < halves.size(); ++i) {
    values[i] = std::bit_cast<float>(std::uint32_t{halves[i]} << 16);
  }
}

std::span<const float> part(const std::vector<float>& working, numeric::Interval elements) {
  return std::span(working).subspan(static_cast<std::size_t>(elements.first),
                                    static_cast<std::size_t>(elements.size()));
}

}  // namespace

Notice Rank::notice(int operation) {
  const Operation& op = plan_.operations[static_cast<std::size_t>(operation)];
  Notice own{{rank_, operation, -1}, {}};
  for (std::size_t i = 0; i < op.in.size(); ++i) {
    const Held held = held_.held(op.in[i].tensor, rank_);
    if (i == 0 && held) own.call.rows = numeric::row_count(held);
    own.shapes.push_back(numeric::shape_of(held));
  }
  return own;
}

// The first member hears them all and tells everybody.
std::vector<Notice> Rank::compare_notices(const std::vector<int>& members, std::size_t self,
                                          const Tag& tag, const Notice& own) {
  std::vector<Notice> all{own};
  if (self > 0) {
    mesh_.send(members.front(), tag, encode(all));
    all = decode_notices(mesh_.receive_up_to(members.front(), tag, kLongestNotices));
    check_notices(plan_, all, members);
    return all;
  }
  for (std::size_t i = 1; i < members.size(); ++i) {
    std::vector<Notice> one = decode_notices(mesh_.receive_up_to(members[i], tag, kLongestNotices));
    std::ranges::move(one, std::back_inserter(all));
  }
  check_notices(plan_, all, members);
  const Buffer bytes = encode(all);
  for (std::size_t i = 1; i < members.size(); ++i) mesh_.send(members[i], tag, bytes);
  return all;
}

void Rank::collective(int operation) {
  const Operation& op = plan_.operations[static_cast<std::size_t>(operation)];
  const Membership m = membership(plan_, op.group, rank_);
  const int communicator = communicators_.communicator(op.group, rank_);
  const std::uint64_t number = calls_[communicator]++;
  const Meeting meeting{*m.members, static_cast<std::size_t>(m.index), communicator, number,
                        compare_notices(*m.members, static_cast<std::size_t>(m.index),
                                        notice_tag(communicator, number), notice(operation))};
  std::vector<Call> calls;
  for (const Notice& n : meeting.notices) calls.push_back(n.call);
  const std::string why = numeric::mismatch(plan_, calls);
  if (!why.empty()) throw Mismatch(why);
  const std::size_t outputs = std::max<std::size_t>(op.out.size(), 1);  // a barrier has turns, too
  for (std::size_t output = 0; output < outputs; ++output) exchange(meeting, calls, output);
}

void Rank::exchange(const Meeting& meeting, const std::vector<Call>& calls, std::size_t output) {
  const int operation = calls[meeting.self].operation;
  const Operation& op = plan_.operations[static_cast<std::size_t>(operation)];
  std::vector<Shape> shapes;
  for (const Notice& n : meeting.notices) {
    if (output < n.shapes.size()) shapes.push_back(n.shapes[output]);
  }
  const Exchange exchange(plan_, calls, output, shapes, held_.home_rows(calls, output),
                          options_.storage);
  const auto self = static_cast<int>(meeting.self);
  const Held passed = op.in.empty() ? nullptr : held_.held(op.in[output].tensor, rank_);
  std::vector<float> working = exchange.load(self, passed);
  std::uint32_t round = 0;
  for (const Turn& turn : exchange.turns(self)) {
    const Tag tag = turn_tag(meeting.communicator, meeting.number, output, round++);
    take_turn(exchange, turn, meeting.members, tag, working);
  }
  if (op.out.empty()) return;
  held_.write(operation, output, rank_, exchange.unload(self, std::move(working), passed));
}

void Rank::take_turn(const Exchange& exchange, const Turn& turn, const std::vector<int>& members,
                     const Tag& tag, std::vector<float>& working) {
  const auto peer = [&](int member) {
    return member < 0 ? -1 : members[static_cast<std::size_t>(member)];
  };
  message_.resize(turn.from < 0 ? 0 : static_cast<std::size_t>(turn.receive.size()));
  const std::span<const float> sent =
      turn.to < 0 ? std::span<const float>() : part(working, turn.send);
  swap_elements({peer(turn.to), tag, sent}, {peer(turn.from), tag, message_});
  if (turn.from >= 0) exchange.take(turn, message_, working);
}

// In the form in which tensors are kept.
void Rank::swap_elements(const Outgoing& out, const Incoming& in) {
  if (options_.storage == Storage::float32) {
    mesh_.send_receive({out.peer, out.tag, std::as_bytes(out.elements)},
                       {in.peer, in.tag, std::as_writable_bytes(in.elements)});
  } else {
    const std::vector<std::uint16_t> sent = halves_of(out.elements);
    std::vector<std::uint16_t> received(in.elements.size());
    mesh_.send_receive({out.peer, out.tag, std::as_bytes(std::span(sent))},
                       {in.peer, in.tag, std::as_writable_bytes(std::span(received))});
    widen(received, in.elements);
  }
  if (out.peer < 0 || out.elements.empty()) return;
  traffic_.sent_bytes[out.peer] +=
      static_cast<std::int64_t>(out.elements.size()) * numeric::bytes_per_element(options_.storage);
}

}  // namespace lockstep::process
