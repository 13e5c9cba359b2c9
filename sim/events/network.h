// Messages under way: links with a capacity, shared fairly by the flows that cross them.
//
// A message waits for the latency of its route, using no link; then it is a flow through all links
// of the route. Most flows meet no other: their rate is the narrowest link's and their end is known
// when they start, one event a message. Such a flow is planned. If another one comes to one of its
// links before it is over, the plan is given up, and both share (fair_shares.h).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "sim/events/fabric.h"
#include "sim/events/fair_shares.h"
#include "sim/events/queue.h"

namespace lockstep {

// Of all this the network reads only `bytes`; the rest is for whoever gets the message.
struct Message {
  std::uint32_t owner = 0;
  std::int32_t from = 0;
  std::int32_t to = 0;
  std::int32_t round = 0;
  std::int64_t bytes = 0;
};

class Network {
 public:
  // The kinds of its events are below kEventKinds.
  static constexpr std::uint32_t kEventKinds = 4;

  // REQUIRES: the queue outlives it.
  Network(std::span<const Rate> capacity, EventQueue& queue);

  // Sends a message now. A link that the route names twice (a medium for both directions) counts
  // once. REQUIRES: message.bytes > 0; the route has a link.
  void start(const Message& message, const Route& route);
  // Takes an event of kind < kEventKinds; appends the messages that have arrived.
  void handle(const Event& event, std::vector<Message>& arrived);

  // By link: the bytes that have flowed through it, of messages that have arrived.
  std::vector<std::int64_t> link_bytes() const;

 private:
  enum Kind : std::uint32_t { kPlannedEnd, kBegin, kDue, kSettle };
  enum class State : std::uint8_t { free, planned, waiting, sharing };
  static constexpr std::uint32_t kNone = 0xFFFFFFFF;
  static constexpr std::uint32_t kShared = 0xFFFFFFFE;

  // Two to a cache line, a flow to each: with thousands of parties these are what time goes into.
  struct alignas(32) Link {
    std::uint32_t rate = 0;      // a position in rates_: as they are sorted, the smaller is slower
    std::uint32_t flow = kNone;  // the planned one; kShared: as many as shares_ says
    std::uint32_t last_bytes = 0;  // the last transfer that was computed: most are alike
    Duration last_time{};
    std::int64_t bytes = 0;
  };
  struct alignas(64) Flow {
    Message message;
    Time time{};  // planned: its end; waiting: its begin
    std::array<LinkId, 4> links{};
    std::uint32_t next = kNone;  // that begins at the same time and has no event of its own
    std::uint8_t count = 0;
    State state = State::free;
    std::span<const LinkId> way() const { return {links.data(), count}; }
  };

  std::uint32_t allocate(const Message& message, const Route& route);
  bool is_free(const Flow& flow) const;
  Duration time_alone(const Flow& flow);
  void plan(std::uint32_t index, Time begin);
  void give_up_plan(std::uint32_t index);
  void wait(std::uint32_t index, Time begin);
  void begin_all(std::uint32_t first);
  void begin(std::uint32_t index);
  void share(std::uint32_t index, Work work);
  void settle_later();
  void finish(std::uint32_t index, std::vector<Message>& arrived);

  EventQueue& queue_;
  std::vector<Rate> rates_;  // of links, each once, the slowest first
  std::vector<Link> links_;
  std::vector<Flow> flows_;
  std::vector<std::uint32_t> free_;
  FairShares shares_;
  bool settle_pending_ = false;
  std::uint32_t last_waiting_ = kNone;
  std::vector<std::uint32_t> ended_;  // only within handle()
};

}  // namespace lockstep
