#include "sim/events/engine.h"

#include <doctest/doctest.h>

#include <memory>

#include "sim/events/exchange.h"
#include "tests/events/programs.h"
#include "tests/events/schedules.h"

namespace lockstep::test {
namespace {

using Wait = Stuck::Wait;

TEST_CASE("actions of one stream follow each other") {
  Program p = program_of(1);
  add(p, 0, busy(10));
  add(p, 0, busy(5));
  const Timeline t = run(p);
  // ends: 10, 10 + 5.
  CHECK(t.of_rank[0][1].begin == us(10));
  CHECK(t.of_rank[0][1].last_action == 0);
  CHECK(t.end == us(15));
  CHECK_FALSE(t.stuck);
}

TEST_CASE("streams of one rank run side by side; an event makes one wait for the other") {
  Program p = program_of(1);
  add(p, 0, busy(10));
  add(p, 0, record(0));
  add(p, 0, on(1, busy(3)));
  add(p, 0, on(1, wait(0)));
  add(p, 0, on(1, busy(4)));
  const Timeline t = run(p);
  // stream 1: 3, then max(3, 10) + 4.
  CHECK(t.of_rank[0][2].end == us(3));
  CHECK(t.of_rank[0][3].ready == us(3));
  CHECK(t.of_rank[0][3].begin == us(10));
  CHECK(t.of_rank[0][3].last_action == 1);
  CHECK(t.end == us(14));
}

TEST_CASE("a wait means the last record that the host issued before it, or none") {
  Program p = program_of(1);
  add(p, 0, on(1, wait(0)));  // nothing recorded yet: no wait
  add(p, 0, on(1, busy(1)));
  add(p, 0, busy(10));
  add(p, 0, record(0));
  add(p, 0, busy(10));
  add(p, 0, on(1, wait(0)));  // the first record, at 10
  add(p, 0, on(1, busy(1)));
  add(p, 0, record(0));  // at 20
  const Timeline t = run(p);
  CHECK(t.of_rank[0][1].end == us(1));
  CHECK(t.of_rank[0][6].end == us(11));
}

TEST_CASE("a host that launches more slowly than the device works decides when it starts") {
  Program p = program_of(1);
  for (int i = 0; i < 3; ++i) add(p, 0, issued_in(4, busy(1)));
  const Timeline t = run(p);
  // action i is issued at 4 (i + 1) and takes 1.
  for (std::size_t i = 0; i < 3; ++i) {
    CHECK(t.of_rank[0][i].begin == us(4 * static_cast<int>(i + 1)));
    CHECK(t.of_rank[0][i].last_action == -1);
  }
  CHECK(t.end == us(13));
}

TEST_CASE("a host ahead of its device does not slow it down") {
  Program p = program_of(1);
  for (int i = 0; i < 3; ++i) add(p, 0, issued_in(1, busy(4)));
  // 1 + 3 * 4.
  CHECK(run(p).end == us(13));
}

TEST_CASE("a meeting begins when the last member is there and ends for all at once") {
  Program p = program_of(3);
  const int all = communicator(p, {0, 1, 2});
  const int sum = call(p, "sum", 7);
  for (int rank = 0; rank < 3; ++rank) {
    add(p, rank, busy(10 * rank));
    add(p, rank, meet(all, sum));
  }
  const Timeline t = run(p);
  // max(0, 10, 20) = 20; + 7.
  for (std::size_t rank = 0; rank < 3; ++rank) {
    const Moment& m = t.of_rank[rank][1];
    CHECK(m.ready == us(10 * static_cast<int>(rank)));
    CHECK(m.begin == us(20));
    CHECK(m.end == us(27));
    CHECK(m.last_rank == 2);
    CHECK(m.last_action == 0);
  }
}

TEST_CASE("computation on one stream hides communication on another") {
  Program p = program_of(2);
  const int both = communicator(p, {0, 1});
  const int sum = call(p, "sum", 8);
  for (int rank = 0; rank < 2; ++rank) {
    add(p, rank, on(1, meet(both, sum)));
    add(p, rank, on(1, record(0)));
    add(p, rank, busy(10));
    add(p, rank, wait(0));
    add(p, rank, busy(2));
  }
  // max(8, 10) + 2.
  CHECK(run(p).end == us(12));
}

TEST_CASE("send and receive wait for each other") {
  Program p = program_of(2);
  add(p, 0, busy(3));
  add(p, 0, send(1, 5));
  add(p, 1, receive(0, 5));
  add(p, 1, busy(1));
  const Timeline t = run(p);
  // max(3, 0) + 5, + 1.
  CHECK(t.of_rank[1][0].ready == us(0));
  CHECK(t.of_rank[1][0].begin == us(3));
  CHECK(t.of_rank[1][0].last_rank == 0);
  CHECK(t.of_rank[1][0].last_action == 0);
  CHECK(t.end == us(9));
}

TEST_CASE("messages between two ranks match in the order in which they are issued") {
  Program p = program_of(2);
  add(p, 0, send(1, 5));
  add(p, 0, send(1, 1));
  add(p, 1, receive(0, 5));
  add(p, 1, busy(2));
  add(p, 1, receive(0, 1));
  // 5, then max(5, 5 + 2) + 1.
  CHECK(run(p).end == us(8));
}

TEST_CASE("an exchange in a circle needs its two neighbours only") {
  Program p = program_of(4);
  for (int rank = 0; rank < 4; ++rank) {
    add(p, rank, busy(rank == 0 ? 10 : 0));
    add(p, rank, exchange((rank + 1) % 4, (rank + 3) % 4, 2));
  }
  const Timeline t = run(p);
  // end of r = max over itself and its neighbours of their starts + 2: rank 2 is not next to 0.
  CHECK(t.of_rank[0][1].end == us(12));
  CHECK(t.of_rank[1][1].end == us(12));
  CHECK(t.of_rank[2][1].end == us(2));
  CHECK(t.of_rank[3][1].end == us(12));
}

TEST_CASE("an exchange with nobody takes its time; one with itself, too") {
  Program p = program_of(1);
  add(p, 0, exchange(-1, -1, 2));
  add(p, 0, exchange(0, 0, 3));
  CHECK(run(p).end == us(5));
}

TEST_CASE("two communicators in opposite order are a deadlock, told as a cycle") {
  Program p = program_of(2);
  const int a = communicator(p, {0, 1});
  const int b = communicator(p, {0, 1});
  const int sum = call(p, "sum", 1);
  add(p, 0, busy(4));
  add(p, 0, meet(a, sum));
  add(p, 0, meet(b, sum));
  add(p, 1, meet(b, sum));
  add(p, 1, meet(a, sum));
  const Timeline t = run(p);
  REQUIRE(t.stuck);
  CHECK(t.stuck->cause == Stuck::Cause::deadlock);
  CHECK(t.stuck->waits == std::vector<Wait>{{0, 1, 1}, {1, 0, 0}});
  CHECK(t.of_rank[0][1].ready == us(4));
  CHECK_FALSE(t.of_rank[0][1].is_over());
  CHECK(t.end == us(4));
}

TEST_CASE("two ranks that both send first are a deadlock; grouped they are none") {
  Program p = program_of(2);
  for (int rank = 0; rank < 2; ++rank) {
    add(p, rank, send(1 - rank, 1));
    add(p, rank, receive(1 - rank, 1));
  }
  const Timeline t = run(p);
  REQUIRE(t.stuck);
  CHECK(t.stuck->waits == std::vector<Wait>{{0, 0, 1}, {1, 0, 0}});
  Program grouped = program_of(2);
  for (int rank = 0; rank < 2; ++rank) add(grouped, rank, exchange(1 - rank, 1 - rank, 1));
  CHECK_FALSE(run(grouped).stuck);
}

TEST_CASE("a cycle begins at its smallest rank and leaves out who only waits for it") {
  Program p = program_of(4);
  // 0 waits for 3; 3 -> 2 -> 1 -> 3.
  add(p, 0, receive(3, 1));
  add(p, 1, receive(3, 1));
  add(p, 2, receive(1, 1));
  add(p, 3, receive(2, 1));
  add(p, 1, send(2, 1));
  add(p, 2, send(3, 1));
  add(p, 3, send(1, 1));
  add(p, 3, send(0, 1));
  const Timeline t = run(p);
  REQUIRE(t.stuck);
  CHECK(t.stuck->waits == std::vector<Wait>{{1, 0, 3}, {3, 0, 2}, {2, 0, 1}});
}

TEST_CASE("a rank that waits for its own other stream is a cycle through itself") {
  Program p = program_of(2);
  const int a = communicator(p, {0, 1});
  const int b = communicator(p, {0, 1});
  const int sum = call(p, "sum", 1);
  // Rank 0: stream 1 meets on a, then records; stream 0 waits for that, then meets on b.
  add(p, 0, on(1, meet(a, sum)));
  add(p, 0, on(1, record(0)));
  add(p, 0, wait(0));
  add(p, 0, meet(b, sum));
  add(p, 1, meet(b, sum));
  add(p, 1, meet(a, sum));
  const Timeline t = run(p);
  REQUIRE(t.stuck);
  CHECK(t.stuck->waits == std::vector<Wait>{{0, 2, 0}, {0, 0, 1}, {1, 0, 0}});
}

TEST_CASE("who waits for a rank that never comes: the chain ends there") {
  Program p = program_of(3);
  const int all = communicator(p, {0, 1, 2});
  const int sum = call(p, "sum", 1);
  add(p, 0, receive(1, 1));
  add(p, 1, meet(all, sum));
  add(p, 1, send(0, 1));
  add(p, 0, meet(all, sum));
  const Timeline t = run(p);
  REQUIRE(t.stuck);
  // 0 waits for 1, whose meeting waits for 0: a cycle comes before the chain to 2.
  CHECK(t.stuck->waits == std::vector<Wait>{{0, 0, 1}, {1, 0, 0}});
  Program q = program_of(3);
  communicator(q, {0, 1, 2});
  call(q, "sum", 1);
  add(q, 0, meet(all, sum));
  add(q, 1, busy(1));
  add(q, 1, meet(all, sum));
  const Timeline u = run(q);
  REQUIRE(u.stuck);
  CHECK(u.stuck->waits == std::vector<Wait>{{0, 0, 2}});
}

TEST_CASE("members that make different calls at one number are a mismatch") {
  Program p = program_of(3);
  const int all = communicator(p, {0, 1, 2});
  const int sum = call(p, "sum", 1);
  const int gather = call(p, "gather", 1);
  for (int rank = 0; rank < 3; ++rank) {
    add(p, rank, meet(all, sum));
    add(p, rank, busy(10 * rank));
    add(p, rank, meet(all, rank == 1 ? gather : sum));
  }
  const Timeline t = run(p);
  REQUIRE(t.stuck);
  CHECK(t.stuck->cause == Stuck::Cause::mismatch);
  CHECK(t.stuck->waits == std::vector<Wait>{{0, 2, 1}, {1, 2, 0}, {2, 2, 1}});
  // Seen when the second of them is there: 1 + 10. Rank 2 computes until 21: it does not end.
  CHECK(t.end == us(11));
  CHECK_FALSE(t.of_rank[2][1].is_over());
}

// Two ranks; 50 GB/s, no latency. A ring all-reduce of 2 MB on two parties: 2 rounds of 1 MB, each
// 1 MB / 50 GB/s = 20 us.
Program two_on_a_network() {
  Program p = program_of(2);
  p.fabric = uniform_fabric(2, Rate::gigabytes_per_s(50), {});
  p.calls = {{"ring", {}, std::make_shared<RingSchedule>(2, 2'000'000)}};
  return p;
}

TEST_CASE("message by message, members begin when they come and end by themselves") {
  Program p = two_on_a_network();
  const int both = communicator(p, {0, 1});
  p.calls[0].duration = us(3);  // before the first message
  add(p, 1, busy(30));
  for (int rank = 0; rank < 2; ++rank) add(p, rank, meet(both, 0));
  const Timeline t = run(p);
  // 0 sends its first megabyte from 3 to 23; 1 sends from 33 to 53, both again until 73.
  CHECK(t.of_rank[0][0].ready == us(0));
  CHECK(t.of_rank[0][0].begin == us(30));
  CHECK(t.of_rank[0][0].end == us(73));
  CHECK(t.of_rank[0][0].last_rank == 1);
  CHECK(t.of_rank[0][0].last_action == 0);
  CHECK(t.of_rank[1][1].end == us(73));
  CHECK(t.messages == 4);
}

TEST_CASE("two collectives at once share the links") {
  Program p = two_on_a_network();
  const int a = communicator(p, {0, 1});
  const int b = communicator(p, {0, 1});
  for (int rank = 0; rank < 2; ++rank) {
    add(p, rank, on(0, meet(a, 0)));
    add(p, rank, on(1, meet(b, 0)));
  }
  // 2 * (2 * 20 us); alone, 2 * 20.
  CHECK(run(p).end == us(80));
}

TEST_CASE("one collective after the other: the network is used again") {
  Program p = two_on_a_network();
  const int both = communicator(p, {0, 1});
  for (int rank = 0; rank < 2; ++rank) {
    for (int i = 0; i < 3; ++i) add(p, rank, meet(both, 0));
  }
  const Timeline t = run(p);
  CHECK(t.end == us(3 * 40));
  CHECK(t.messages == 3 * 4);
}

TEST_CASE("switches take part in the schedule and are no ranks") {
  // Both ranks send a megabyte to the switch: its one link in is shared, 2 MB / 50 GB/s = 40 us.
  Program p = program_of(2);
  p.fabric = uniform_fabric(3, Rate::gigabytes_per_s(50), {});
  const WrittenSchedule to_switch(
      {{{{{2, 1'000'000, 0}}, 0}}, {{{{2, 1'000'000, 0}}, 0}}, {{{}, 2}}});
  p.calls = {{"to the switch", {}, std::make_shared<WrittenSchedule>(to_switch), {2}}};
  const int both = communicator(p, {0, 1});
  for (int rank = 0; rank < 2; ++rank) add(p, rank, meet(both, 0));
  const Timeline t = run(p);
  CHECK(t.end == us(40));
  CHECK_FALSE(t.stuck);
}

TEST_CASE("a member that never comes stops a collective message by message, too") {
  Program p = two_on_a_network();
  const int both = communicator(p, {0, 1});
  add(p, 0, meet(both, 0));
  const Timeline t = run(p);
  REQUIRE(t.stuck);
  CHECK(t.stuck->waits == std::vector<Wait>{{0, 0, 1}});
}

}  // namespace
}  // namespace lockstep::test
