// The parties of a schedule as they go from round to round: what a collective does on a network.
// Several may run at once on one queue and one network.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "sim/events/fabric.h"
#include "sim/events/network.h"
#include "sim/events/queue.h"
#include "sim/events/schedule.h"

namespace lockstep {

// Where parties live. REQUIRES: all of it outlives them.
struct World {
  EventQueue& queue;
  Network& network;
  const Fabric& fabric;
};

// Messages that came before their receiver's round: how many for which round. Kept sorted; few.
class EarlyMessages {
 public:
  void add(std::int32_t round);
  // How many there were for `round`, which is at most the first; they are gone then.
  std::int32_t take(std::int32_t round);

 private:
  struct Entry {
    std::int32_t round;
    std::int32_t count;
  };
  std::vector<Entry> entries_;
  std::size_t first_ = 0;  // those before it are taken
};

class Parties {
 public:
  // `kind` is the kind of its events (the subject is a party) and the owner of its messages.
  // Party p of the schedule is places[p] of the fabric (p itself if `places` is empty).
  // REQUIRES: the schedule outlives it; Network::kEventKinds <= kind.
  Parties(const Schedule& schedule, const World& world, std::uint32_t kind,
          std::vector<int> places = {});

  // The party begins its first round now. REQUIRES: once each.
  void begin(int party);
  // An event of its kind: the party's work is over.
  void handle(const Event& event);
  // A message that it owns has arrived: now.
  void arrive(const Message& message);

  // Who has ended since the caller last cleared it; now, each.
  std::vector<int>& ended() { return ended_; }
  std::int64_t messages() const { return messages_; }

 private:
  struct Party {
    std::int32_t round = -1;
    std::int32_t rounds = 0;
    std::int32_t missing = 0;  // sends and receives of the round
    std::int32_t early = 0;    // messages
  };

  Party& of(int party) { return parties_[static_cast<std::size_t>(party)]; }
  void next_round(int index);
  void post(int index);
  void one_less(int index);
  bool works(int index);

  const Schedule& schedule_;
  World world_;
  std::uint32_t kind_;
  std::vector<int> places_;
  std::vector<Party> parties_;
  std::vector<EarlyMessages> early_;  // by party
  std::vector<int> ended_;
  std::vector<Send> sends_;  // of the round being posted
  std::int64_t messages_ = 0;
};

}  // namespace lockstep
