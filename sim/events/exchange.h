// One collective alone, message by message: the `messages` fidelity.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "sim/events/fabric.h"
#include "sim/events/schedule.h"

namespace lockstep {

struct ExchangeResult {
  std::vector<Time> ends;  // by party
  Time end{};              // the last of them
  std::int64_t messages = 0;
  std::int64_t events = 0;               // taken from the queue
  std::vector<std::int64_t> link_bytes;  // by link: what flowed through it
  std::uint64_t trace_hash = 0;          // a sum over all (time, sender, receiver, bytes)
};

// Runs `schedule` over `fabric`; party p begins at starts[p] (all at zero if `starts` is empty).
// REQUIRES: parties and links match; every receive has its send.
ExchangeResult run_exchange(const Schedule& schedule, const Fabric& fabric,
                            std::span<const Time> starts = {});

}  // namespace lockstep
