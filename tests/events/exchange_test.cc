#include "sim/events/exchange.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <vector>

#include "sim/base/random.h"
#include "tests/events/random_exchange.h"
#include "tests/events/schedules.h"

namespace lockstep {

namespace {

constexpr Rate kRate = Rate::gigabytes_per_s(50);
constexpr Duration kLatency = from_microseconds(0.5);
constexpr std::int64_t kBuffer = 64 << 20;

Fabric flat(int parties) { return uniform_fabric(parties, kRate, kLatency); }

// By link: what the schedule says is sent over it.
std::vector<std::int64_t> sent_over(const Schedule& schedule, const Fabric& fabric) {
  std::vector<std::int64_t> bytes(fabric.capacity.size());
  std::vector<Send> sends;
  for (int party = 0; party < schedule.parties(); ++party) {
    for (int round = 0; round < schedule.rounds(party); ++round) {
      sends.clear();
      schedule.sends(party, round, sends);
      for (const Send& send : sends) {
        const Route route = fabric.route(party, send.to);
        for (const LinkId link : route.used()) {
          bytes[link.index()] += send.bytes;
        }
      }
    }
  }
  return bytes;
}

// Links 0 to 10 % slower than they should be.
void slow_down(Random& random, Fabric& fabric) {
  for (Rate& rate : fabric.capacity) {
    rate.micro_bytes_per_s -= random.below(static_cast<std::int64_t>(rate.micro_bytes_per_s / 10));
  }
}

}  // namespace

TEST_CASE("a ring all-reduce takes 2 (N - 1) times latency and chunk over rate") {
  // N = 8: 14 (0.5 us + 8 MiB / 50 GB/s) = 14 * 168.27216 us = 2,355.81024 us
  CHECK(run_exchange(RingSchedule(8, kBuffer), flat(8)).end == from_microseconds(2355.81024));
  // N = 512: 1022 (0.5 us + 128 KiB / 50 GB/s) = 1022 * 3.12144 us = 3,190.11168 us
  const ExchangeResult result = run_exchange(RingSchedule(512, kBuffer), flat(512));
  CHECK(result.end == from_microseconds(3190.11168));
  CHECK(result.messages == 523'264);      // 512 * 1022
  CHECK(result.events == 523'264 + 512);  // one a message, and the starts
}

TEST_CASE("an all-to-all of 64 KiB a pair on 512 parties, in one round and in 511") {
  // One round: 0.5 us + 511 * 64 KiB / 50 GB/s = 0.5 + 669.77792 us. A 511th of 50 GB/s is no
  // whole number of micro-bytes/s and is rounded down: that is the picosecond more.
  const ExchangeResult direct = run_exchange(DirectSchedule(512, 65536), flat(512));
  CHECK(direct.end == from_microseconds(670.27792) + Duration(1));
  CHECK(direct.messages == 261'632);
  // Pairwise: 511 (0.5 us + 64 KiB / 50 GB/s) = 511 * 1.81072 us = 925.27792 us
  CHECK(run_exchange(PairwiseSchedule(512, 65536), flat(512)).end == from_microseconds(925.27792));
}

TEST_CASE("recursive doubling takes log2 N times latency and buffer over rate") {
  // N = 4096: 12 (0.5 us + 64 MiB / 50 GB/s) = 12 * 1342.67728 us = 16,112.12736 us
  CHECK(run_exchange(DoublingSchedule(4096, kBuffer), flat(4096)).end ==
        from_microseconds(16112.12736));
}

// With s(p) the start, D(p, r) the time at which the message of p in round r has arrived, and
// E(p, r) the end of that round:
//   E(p, -1) = s(p)
//   D(p, r)  = E(p, r - 1) + latency + chunk / min(out(p), in(p + 1))
//   E(p, r)  = max(D(p, r), D(p - 1, r))
TEST_CASE("a ring with slow links and late starts follows its recurrence to the picosecond") {
  for (const int parties : {3, 16, 64, 300}) {
    CAPTURE(parties);
    const auto n = static_cast<std::size_t>(parties);
    Random random(n);
    Fabric fabric = flat(parties);
    slow_down(random, fabric);
    const std::vector<Time> starts = random_starts(random, parties, 50'000'000);
    const std::int64_t chunk = kBuffer / parties;
    std::vector<Time> end = starts;
    for (int round = 0; round < 2 * (parties - 1); ++round) {
      std::vector<Time> arrived(n);
      for (std::size_t p = 0; p < n; ++p) {
        const Rate out = fabric.capacity[fabric.local[p].out.index()];
        const Rate in = fabric.capacity[fabric.local[(p + 1) % n].in.index()];
        arrived[p] = end[p] + kLatency + transfer_time(chunk, std::min(out, in));
      }
      for (std::size_t p = 0; p < n; ++p) end[p] = std::max(arrived[p], arrived[(p + n - 1) % n]);
    }
    const ExchangeResult result = run_exchange(RingSchedule(parties, kBuffer), fabric, starts);
    CHECK(result.ends == end);
    CHECK(result.events == result.messages + parties);
  }
}

TEST_CASE("what flows over a link is what the schedule sends over it") {
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    CAPTURE(seed);
    Random random(seed);
    const auto parties = static_cast<int>(2 + random.below(20));
    const Fabric fabric = random_fabric(random, parties);
    const WrittenSchedule schedule = random_schedule(random, parties);
    REQUIRE(run_exchange(schedule, fabric).link_bytes == sent_over(schedule, fabric));
  }
  CHECK(run_exchange(DirectSchedule(40, 1000), flat(40)).link_bytes ==
        std::vector<std::int64_t>(80, 39 * 1000));
}

TEST_CASE("the hash of a trace is the same in every build") {
  Fabric fabric = flat(16);
  Random random(7);
  slow_down(random, fabric);
  const auto starts = random_starts(random, 16, 50'000'000);
  CHECK(run_exchange(RingSchedule(16, kBuffer), fabric, starts).trace_hash ==
        17976747142985844098U);
  CHECK(run_exchange(DirectSchedule(16, 65536), fabric, starts).trace_hash ==
        14837263179651590729U);
}

TEST_CASE("a schedule whose receive has no send is refused") {
  std::vector<std::vector<Round>> rounds(2);
  rounds[0].push_back({{}, 1, {}});
  CHECK_THROWS_AS(run_exchange(WrittenSchedule(rounds), flat(2)), AssertionFailure);
}

}  // namespace lockstep
