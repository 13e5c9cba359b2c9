// Collectives under way, message by message, on one network that they share.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "sim/events/network.h"
#include "sim/events/parties.h"
#include "sim/events/queue.h"

namespace lockstep {

class Traffic {
 public:
  struct Ended {
    std::int32_t collective = -1;
    std::int32_t party = -1;
  };

  // The kinds of its events are the network's and all from `first_kind` on. REQUIRES: fabric and
  // queue outlive it.
  Traffic(const Fabric& fabric, EventQueue& queue, std::uint32_t first_kind)
      : fabric_(fabric), queue_(queue), network_(fabric.capacity, queue), first_kind_(first_kind) {}

  // A collective whose party p is places[p] of the fabric; its number, which is used again when
  // all its parties have ended. REQUIRES: the schedule lives until then.
  std::int32_t add(const Schedule& schedule, std::vector<int> places);
  // The party begins now.
  void begin(std::int32_t collective, std::int32_t party);
  void handle(const Event& event);

  // Who has ended since the caller last cleared it; now, each.
  std::vector<Ended>& ended() { return ended_; }
  std::int64_t messages() const { return messages_; }

 private:
  struct Collective {
    std::unique_ptr<Parties> parties;  // null: free
    std::int32_t left = 0;             // that have not ended
  };

  void collect(std::int32_t number);

  const Fabric& fabric_;
  EventQueue& queue_;
  Network network_;
  std::uint32_t first_kind_;
  std::vector<Collective> collectives_;
  std::vector<std::int32_t> free_;
  std::vector<Ended> ended_;
  std::vector<Message> arrived_;
  std::int64_t messages_ = 0;
};

}  // namespace lockstep
