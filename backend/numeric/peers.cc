#include "backend/numeric/peers.h"

#include <fmt/format.h>

namespace lockstep::numeric {

PeersOfCall peers_of_call(const Plan& plan, const Operation& op, int rank) {
  const Membership m = membership(plan, op.group, rank);
  PeersOfCall found;
  const auto peer = [&](const std::vector<int>& of_members) -> std::optional<int> {
    if (of_members.empty()) return std::nullopt;
    const int member = peer_of(of_members, m.index);
    const bool both = op.kind == OpKind::send_recv;
    if (member == -1 && both) return std::nullopt;
    const bool is_member = member >= 0 && static_cast<std::size_t>(member) < m.members->size();
    if (is_member && (both || member != m.index))
      return (*m.members)[static_cast<std::size_t>(member)];
    found.refused = fmt::format("rank {} calls {} with member {} of {}, as member {} itself", rank,
                                to_string(op.kind), member, m.members->size(), m.index);
    return std::nullopt;
  };
  found.to = peer(op.to);
  found.from = peer(op.from);
  return found;
}

std::string mismatch(const Plan& plan, const Operation& send, const Operation& receive) {
  const Tensor& sent = plan.tensor(send.in.front().tensor);
  const Tensor& received = plan.tensor(receive.out.front().tensor);
  if (sent.dtype == received.dtype && sent.columns == received.columns) return {};
  return fmt::format("{} of {} {} is received as {} {}", to_string(send.kind), sent.dtype,
                     sent.columns, received.dtype, received.columns);
}

std::optional<Peers::Half> Peers::post(int communicator, int from, int to, bool sends, Half half) {
  const Way way{communicator, from, to};
  const auto found = posted_.find(way);
  if (found == posted_.end() || found->second.sends == sends) {
    posted_.insert_or_assign(way, Waiting{half, sends, sends ? to : from});
    return std::nullopt;
  }
  const Half other = found->second.half;
  posted_.erase(found);
  return other;
}

void Peers::withdraw(int rank) {
  std::erase_if(posted_, [&](const auto& entry) { return entry.second.half.rank == rank; });
}

std::vector<Peers::Waiting> Peers::waiting() const {
  std::vector<Waiting> all;
  for (const auto& [way, half] : posted_) all.push_back(half);
  return all;
}

}  // namespace lockstep::numeric
