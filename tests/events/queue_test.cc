#include "sim/events/queue.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <vector>

#include "sim/base/random.h"

namespace lockstep {

namespace {

// The same by the definition: a list in the order of pushing, and a stable search for the least.
class NaiveQueue {
 public:
  void push(const Event& event) { events_.push_back(event); }
  Event pop() {
    const auto earliest = std::min_element(
        events_.begin(), events_.end(),
        [](const Event& a, const Event& b) { return a.time < b.time; });  // the first of equals
    const Event event = *earliest;
    events_.erase(earliest);
    return event;
  }

 private:
  std::vector<Event> events_;
};

Event at(std::int64_t ps, std::uint32_t subject) { return {Time(ps), 0, subject}; }

}  // namespace

TEST_CASE("events leave in the order of their times, equal ones in the order of their coming") {
  EventQueue queue;
  queue.push(at(700'000, 0));
  queue.push(at(5, 1));
  queue.push(at(700'000, 2));
  queue.push(at(5, 3));
  std::vector<std::uint32_t> order;
  while (!queue.empty()) order.push_back(queue.pop().subject);
  CHECK(order == std::vector<std::uint32_t>{1, 3, 0, 2});
  CHECK(queue.now() == Time(700'000));
}

TEST_CASE("an event for this very moment comes after those that are already there") {
  EventQueue queue;
  queue.push(at(64, 0));
  queue.push(at(64, 1));
  CHECK(queue.pop().subject == 0);
  CHECK(queue.more_now());
  queue.push(at(64, 2));
  CHECK(queue.pop().subject == 1);
  CHECK(queue.pop().subject == 2);
  CHECK_FALSE(queue.more_now());
}

TEST_CASE("an event before now is refused") {
  EventQueue queue;
  queue.push(at(10, 0));
  queue.pop();
  CHECK_THROWS_AS(queue.push(at(9, 1)), AssertionFailure);
}

TEST_CASE("the queue agrees with a list that is searched, over seeded pushes and pops") {
  for (std::uint64_t seed = 0; seed < 60; ++seed) {
    CAPTURE(seed);
    Random random(seed);
    EventQueue queue;
    NaiveQueue naive;
    const std::int64_t horizon = std::int64_t{1} << (random.below(50) + 1);
    for (std::uint32_t i = 0; i < 2000; ++i) {
      if (queue.empty() || random.chance(11, 20)) {
        // Few distinct times, so that many are equal, and some of them now.
        const Event event = at(queue.now().count() + random.below(8) * (horizon / 8), i);
        queue.push(event);
        naive.push(event);
      } else {
        REQUIRE(queue.pop() == naive.pop());
      }
    }
    while (!queue.empty()) REQUIRE(queue.pop() == naive.pop());
  }
}

TEST_CASE("a million events of one time keep their order") {
  EventQueue queue;
  for (std::uint32_t i = 0; i < 1'000'000; ++i) queue.push(at(123'456'789, i));
  std::uint32_t in_order = 0;
  while (!queue.empty() && queue.pop().subject == in_order) ++in_order;
  CHECK(in_order == 1'000'000);
}

}  // namespace lockstep
