#include "backend/process/channels.h"

namespace lockstep::process {
namespace {

// Frames of one communicator come in the order in which they were sent, so whatever has an order of
// its own has a number of its own: 0 for the observer and, between ranks, for NCCL's id; then three
// for each communicator of the plan.
enum class Lane : std::uint32_t { collective, upwards, downwards };
constexpr std::uint32_t kLanes = 3;

std::uint32_t lane(int communicator, Lane which) {
  return 1 + static_cast<std::uint32_t>(communicator) * kLanes + static_cast<std::uint32_t>(which);
}

Tag tag(FrameKind kind, std::uint32_t communicator, std::uint64_t call, std::uint32_t turn) {
  return {static_cast<std::uint32_t>(kind), communicator, call, turn};
}

std::uint32_t lane(const MessageChannel& channel) {
  return lane(channel.communicator, channel.from < channel.to ? Lane::upwards : Lane::downwards);
}

}  // namespace

Tag observation_tag() { return tag(FrameKind::observation, 0, 0, 0); }

Tag nccl_id_tag() { return tag(FrameKind::nccl_id, 0, 0, 0); }

Tag meeting_tag() { return tag(FrameKind::meeting, 0, 0, 0); }

Tag notice_tag(int communicator, std::uint64_t call) {
  return tag(FrameKind::notice, lane(communicator, Lane::collective), call, 0);
}

Tag turn_tag(int communicator, std::uint64_t call, std::size_t output, std::uint32_t round) {
  constexpr std::uint32_t kMostRounds = 1U << 16;
  return tag(FrameKind::turn, lane(communicator, Lane::collective), call,
             static_cast<std::uint32_t>(output) * kMostRounds + round);
}

Tag half_tag(const MessageChannel& channel, std::uint64_t number) {
  return tag(FrameKind::half, lane(channel), number, 0);
}

Tag message_tag(const MessageChannel& channel, std::uint64_t number) {
  return tag(FrameKind::message, lane(channel), number, 0);
}

}  // namespace lockstep::process
