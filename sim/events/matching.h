// Who meets whom in a program: known before anything runs, because calls, messages and events
// match by the order in which hosts issue them, never by time.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "sim/events/program.h"

namespace lockstep {

// An action: the rank, and the position in its list.
struct ActionRef {
  std::int32_t rank = -1;
  std::int32_t action = -1;
  bool exists() const { return action >= 0; }
  bool operator==(const ActionRef&) const = default;
};

// The calls of number k on one communicator, in group order; one that a member never makes does
// not exist.
struct Meeting {
  std::int32_t first = 0;  // into Matching::calls
  std::int32_t members = 0;
};

// The other ends of a send, a receive or an exchange. No partner: the other rank never posts it.
struct Partners {
  bool sends = false;
  bool receives = false;
  ActionRef receiver;  // of what it sends
  ActionRef sender;    // of what it receives
};

struct Matching {
  struct Links {
    std::int32_t next = -1;  // the position of the next action on the same stream; -1: none
    // meet: into `calls`; send, receive, exchange: into `partners`; wait: the position of the
    // record that it waits for, -1: none
    std::int32_t other = -1;
  };

  std::vector<std::int32_t> first_action;  // by rank: into `links`
  std::vector<Links> links;                // of every action, rank after rank
  std::vector<Meeting> meetings;           // communicator after communicator, by number
  std::vector<ActionRef> calls;            // of the meetings, each in group order
  std::vector<std::int32_t> meeting_of;    // by entry of `calls`
  std::vector<Partners> partners;
  std::vector<std::int32_t> first_stream;  // by rank, and behind them their sum
  std::vector<std::int32_t> first_on;      // by stream: the position of its first action; -1: none

  const Links& of(ActionRef place) const {
    return links[static_cast<std::size_t>(first_action[static_cast<std::size_t>(place.rank)]) +
                 static_cast<std::size_t>(place.action)];
  }
  // In group order.
  std::span<const ActionRef> members(const Meeting& meeting) const {
    return std::span(calls).subspan(static_cast<std::size_t>(meeting.first),
                                    static_cast<std::size_t>(meeting.members));
  }
  std::int32_t stream(std::int32_t rank, std::int16_t number) const {
    return first_stream[static_cast<std::size_t>(rank)] + number;
  }
};

// REQUIRES: numbers in range; who calls on a communicator is a member of it.
Matching match(const Program& program);

}  // namespace lockstep
