#include "sim/events/network.h"

#include <doctest/doctest.h>

#include <vector>

namespace lockstep {

namespace {

constexpr std::uint32_t kStart = Network::kEventKinds;

Duration ns(std::int64_t value) { return Duration(value * 1000); }

// A message over some links of 1 GB/s (1 B/ns), or as many as said, that starts at a time.
struct Sent {
  Duration start{};
  std::int64_t bytes = 0;
  std::vector<int> links;
  Duration latency{};
};

struct World {
  std::vector<Duration> arrivals;  // by message
  std::vector<std::int64_t> link_bytes;
  int events = 0;  // of the network
};

World send(const std::vector<double>& gigabytes_per_s, const std::vector<Sent>& sent) {
  std::vector<Rate> capacity;
  for (const double rate : gigabytes_per_s) capacity.push_back(Rate::gigabytes_per_s(rate));
  EventQueue queue;
  Network network(capacity, queue);
  for (std::uint32_t i = 0; i < sent.size(); ++i) queue.push({sent[i].start, kStart, i});
  World world;
  world.arrivals.resize(sent.size());
  std::vector<Message> arrived;
  while (!queue.empty()) {
    const Event event = queue.pop();
    if (event.kind == kStart) {
      const Sent& message = sent[event.subject];
      Route route;
      route.latency = message.latency;
      for (const int link : message.links) route.add(LinkId{link});
      network.start({0, 0, 0, static_cast<std::int32_t>(event.subject), message.bytes}, route);
      continue;
    }
    ++world.events;
    network.handle(event, arrived);
    for (const Message& message : arrived) {
      world.arrivals[static_cast<std::size_t>(message.round)] = event.time;
    }
    arrived.clear();
  }
  world.link_bytes = network.link_bytes();
  return world;
}

}  // namespace

TEST_CASE("a message that meets no other takes latency and bytes over the narrowest link") {
  // 100 ns + 3000 B / 0.5 B/ns
  const World world = send({1, 0.5, 2}, {{ns(0), 3000, {0, 1, 2}, ns(100)}});
  CHECK(world.arrivals[0] == ns(6100));
  CHECK(world.events == 1);
}

TEST_CASE("two messages on one link share it from the moment when both flow") {
  // The first alone for 1000 ns: 2000 B left; then half the rate each: the second's 1000 B take
  // 2000 ns, in which the first has got 1000 B; its last 1000 B flow alone.
  const World world = send({1}, {{ns(0), 3000, {0}}, {ns(1000), 1000, {0}}});
  CHECK(world.arrivals == std::vector{ns(4000), ns(3000)});
  CHECK(world.link_bytes == std::vector<std::int64_t>{4000});
}

TEST_CASE("what one bottleneck leaves free, another's flow gets") {
  // Max-min: both flows of link 0 get 1/2; so link 1, of 2 B/ns, has 3/2 for the third.
  // 1000 B each: 2000 ns, 2000 ns, 1000 / 1.5 = 666.6... ns, rounded up to a picosecond.
  const World world = send({1, 2}, {{ns(0), 1000, {0}}, {ns(0), 1000, {0, 1}}, {ns(0), 1000, {1}}});
  CHECK(world.arrivals == std::vector{ns(2000), ns(2000), Duration(666'667)});
}

TEST_CASE("a message that starts later but has less latency flows first") {
  // The second flows from 100 to 600 ns, the first from 1000 ns on: they never meet.
  const World world = send({1}, {{ns(0), 500, {0}, ns(1000)}, {ns(0), 500, {0}, ns(100)}});
  CHECK(world.arrivals == std::vector{ns(1500), ns(600)});
  // 1000 B instead, from 100 ns: 900 B until 1000 ns, then 100 B at half the rate: until 1200 ns.
  // The first has got 100 B by then, and 400 B more alone: until 1600 ns.
  const World both = send({1}, {{ns(0), 500, {0}, ns(1000)}, {ns(0), 1000, {0}, ns(100)}});
  CHECK(both.arrivals == std::vector{ns(1600), ns(1200)});
}

TEST_CASE("a message may start in the picosecond in which another ends, and they do not meet") {
  const World world = send({1}, {{ns(0), 500, {0}}, {ns(500), 500, {0}}});
  CHECK(world.arrivals == std::vector{ns(500), ns(1000)});
}

TEST_CASE("a link that a route names twice counts once") {
  const World world = send({1}, {{ns(0), 500, {0, 0}}, {ns(0), 500, {0, 0}}});
  CHECK(world.arrivals == std::vector{ns(1000), ns(1000)});
  CHECK(world.link_bytes == std::vector<std::int64_t>{1000});
}

TEST_CASE("a change reaches only the links that hang together with it") {
  // Link 1 is shared from 0 to 2000 ns, link 0 used alone: 1 event for its message. On link 1:
  // a planned end that comes to nothing, a begin, a settling, and the end of both.
  const World world = send({1, 1}, {{ns(0), 1000, {0}}, {ns(0), 1000, {1}}, {ns(0), 1000, {1}}});
  CHECK(world.arrivals == std::vector{ns(1000), ns(2000), ns(2000)});
  CHECK(world.events <= 1 + 6);
}

}  // namespace lockstep
