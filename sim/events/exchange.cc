#include "sim/events/exchange.h"

#include "sim/base/random.h"
#include "sim/base/require.h"
#include "sim/events/network.h"
#include "sim/events/parties.h"
#include "sim/events/queue.h"

namespace lockstep {

namespace {

constexpr std::uint32_t kStart = Network::kEventKinds;
constexpr std::uint32_t kParty = kStart + 1;

// A sum over messages, so that the order of those that arrive together does not matter.
std::uint64_t hash_of(Time time, const Message& message) {
  const auto ends =
      static_cast<std::uint64_t>(message.from) << 32 | static_cast<std::uint64_t>(message.to);
  return mix64(mix64(mix64(static_cast<std::uint64_t>(time.count())) ^ ends) ^
               static_cast<std::uint64_t>(message.bytes));
}

}  // namespace

ExchangeResult run_exchange(const Schedule& schedule, const Fabric& fabric,
                            std::span<const Time> starts) {
  const auto parties = static_cast<std::size_t>(schedule.parties());
  LOCKSTEP_ASSERT(parties <= fabric.node.size() && (starts.empty() || starts.size() == parties));
  EventQueue queue;
  Network network(fabric.capacity, queue);
  Parties members(schedule, {queue, network, fabric}, kParty);
  for (std::size_t p = 0; p < parties; ++p) {
    queue.push({starts.empty() ? Time::zero() : starts[p], kStart, static_cast<std::uint32_t>(p)});
  }
  ExchangeResult result;
  result.ends.resize(parties);
  std::size_t ended = 0;
  std::vector<Message> arrived;
  while (!queue.empty()) {
    const Event event = queue.pop();
    ++result.events;
    if (event.kind == kStart) {
      members.begin(static_cast<int>(event.subject));
    } else if (event.kind == kParty) {
      members.handle(event);
    } else {
      network.handle(event, arrived);
      for (const Message& message : arrived) {
        result.trace_hash += hash_of(event.time, message);
        members.arrive(message);
      }
      arrived.clear();
    }
    for (const int party : members.ended()) {
      result.ends[static_cast<std::size_t>(party)] = event.time;
      result.end = event.time;
      ++ended;
    }
    members.ended().clear();
  }
  LOCKSTEP_ASSERT(ended == parties);  // every receive has its send
  result.messages = members.messages();
  result.link_bytes = network.link_bytes();
  return result;
}

}  // namespace lockstep
