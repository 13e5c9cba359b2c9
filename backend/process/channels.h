// The tags of everything that the members of a replay say to each other: who waits for a frame
// knows which one it must be.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>

#include "backend/process/wire.h"

namespace lockstep::process {

enum class FrameKind : std::uint32_t {
  observation = 1,
  notice,
  turn,
  half,
  message,
  nccl_id,
  meeting
};

// Sizes that the sender chooses are limited.
inline constexpr std::size_t kLongestObservation = std::size_t{1} << 32;
inline constexpr std::size_t kLongestNotices = std::size_t{1} << 26;

// Between a rank and the observer.
Tag observation_tag();
// From rank 0 to each rank, before anything else: what NCCL's communicators are made of.
Tag nccl_id_tag();
// Between rank 0 and each rank: that they are here.
Tag meeting_tag();
// Of collectives: `call` is the number of the call on its communicator.
Tag notice_tag(int communicator, std::uint64_t call);
Tag turn_tag(int communicator, std::uint64_t call, std::size_t output, std::uint32_t round);

// Point-to-point calls between two ranks, of one direction: each is a channel of its own, so that
// two that cross do not get into each other's way.
struct MessageChannel {
  int communicator = 0;
  int from = 0;
  int to = 0;
  auto operator<=>(const MessageChannel&) const = default;
};
// `number`: of the message on its channel.
Tag half_tag(const MessageChannel& channel, std::uint64_t number);
Tag message_tag(const MessageChannel& channel, std::uint64_t number);

}  // namespace lockstep::process
