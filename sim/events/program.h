// What the engine runs: lists of actions of ranks, on streams, in the order in which each rank's
// host issues them. Plans become such programs (sim/cost/timeline.h); the engine knows no tensor.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "sim/events/fabric.h"
#include "sim/events/schedule.h"

namespace lockstep {

enum class ActionKind : std::uint8_t {
  busy,      // the stream works for `duration`
  meet,      // a call on `communicator`: waits for all its members, then takes its time
  send,      // to rank `peer`; it and the receive wait for each other
  receive,   // from rank `peer`
  exchange,  // both at once (grouped): `peer` is sent to, `other` received from; -1: neither
  record,    // `event`, when the stream has come here
  wait,  // the stream waits for the last record of `event` that was issued before; none: no wait
};

struct Action {
  ActionKind kind = ActionKind::busy;
  std::int16_t stream = 0;
  std::int32_t label = -1;  // what the caller calls it; handed back, never read
  Duration issue{};         // the host is busy so long issuing it (a launch); then it may start
  Duration duration{};  // busy; send, receive, exchange: the transfer, once both sides are there;
                        // where they differ, it takes the longer
  std::int32_t communicator = -1;  // meet
  std::int32_t call = -1;  // meet: into Program::calls. Members that meet must name one call
  std::int32_t peer = -1;
  std::int32_t other = -1;
  std::int32_t event = -1;
};

// What a meeting does. Without a schedule all members end `duration` after the last has come. With
// one, message by message: each member begins its party `duration` after it has come, the switches
// theirs with the first member, and each member is over when its party is.
struct Call {
  std::string name;  // for whoever reads an error: "reduce_scatterv of 8 rows"
  Duration duration{};
  std::shared_ptr<const Schedule> schedule;  // its parties are the members, then the switches
  std::vector<int> switches{};               // as places of Program::fabric
};

struct Program {
  std::vector<std::vector<Action>> of_rank;
  std::vector<std::vector<int>> communicators;  // the members, in group order
  std::vector<Call> calls;
  int events = 0;  // Action::event is below it
  // Rank r is place r, switches are behind the ranks. Only used where a call has a schedule.
  Fabric fabric;
};

}  // namespace lockstep
