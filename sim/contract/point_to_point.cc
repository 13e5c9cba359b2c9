#include "sim/contract/point_to_point.h"

#include <algorithm>

namespace lockstep::contract {

std::optional<Transfer> Mailbox::post(const Transfer& half) {
  const std::tuple key{half.communicator, half.from, half.to};
  const auto [other, is_first] = open_.try_emplace(key, half);
  if (is_first) return std::nullopt;
  Transfer whole = other->second;
  open_.erase(other);
  if (half.sends >= 0) {
    whole.sends = half.sends;
    whole.value = half.value;
  } else {
    whole.receives = half.receives;
  }
  return whole;
}

std::optional<Transfer> Mailbox::send(int communicator, int from, int to, int operation,
                                      StateId value) {
  return post({communicator, from, to, operation, -1, value});
}

std::optional<Transfer> Mailbox::receive(int communicator, int from, int to, int operation) {
  return post({communicator, from, to, -1, operation, StateId::none()});
}

void Mailbox::withdraw(int rank) {
  std::erase_if(open_, [rank](const auto& entry) {
    const Transfer& half = entry.second;
    return (half.sends >= 0 ? half.from : half.to) == rank;
  });
}

std::vector<Wait> Mailbox::waiting() const {
  std::map<int, Wait> by_rank;
  for (const auto& [key, half] : open_) {
    const bool sends = half.sends >= 0;
    const int rank = sends ? half.from : half.to;
    Wait& wait = by_rank[rank];
    wait.communicator = half.communicator;
    wait.present = {{rank, sends ? half.sends : half.receives}};
    const int peer = sends ? half.to : half.from;
    if (std::ranges::find(wait.missing, peer) == wait.missing.end()) wait.missing.push_back(peer);
  }
  std::vector<Wait> all;
  for (auto& [rank, wait] : by_rank) all.push_back(std::move(wait));
  return all;
}

}  // namespace lockstep::contract
