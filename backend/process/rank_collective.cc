// The collectives of a rank: the members compare their calls, then take their turns.
#include <algorithm>
#include <cstdint>
#include <iterator>
#include <utility>

#include "backend/numeric/held_tensors.h"
#include "backend/process/channels.h"
#include "backend/process/rank.h"

namespace lockstep::process {

using numeric::Call;
using numeric::Exchange;
using numeric::Shape;

Notice Rank::notice(int operation) {
  const Operation& op = plan_.operations[static_cast<std::size_t>(operation)];
  Notice own{{rank_, operation, -1}, {}};
  for (std::size_t i = 0; i < op.in.size(); ++i) {
    own.shapes.push_back(worker_.shape(op.in[i].tensor));
    if (i == 0 && own.shapes[0].written) own.call.rows = own.shapes[0].rows;
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
  std::vector<Shape> shapes;
  for (const Notice& n : meeting.notices) {
    if (output < n.shapes.size()) shapes.push_back(n.shapes[output]);
  }
  const std::vector<std::int64_t> home = numeric::home_rows(plan_, calls, output);
  const Exchange exchange(plan_, calls, output, shapes, home, storage_);
  worker_.exchange(calls[meeting.self].operation, exchange,
                   {meeting.members, meeting.self, meeting.communicator, meeting.number, output});
}

}  // namespace lockstep::process
