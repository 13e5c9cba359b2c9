#include "sim/events/exchange.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <numeric>

#include "sim/base/random.h"
#include "tests/events/schedules.h"

namespace lockstep {

namespace {

constexpr Rate kRate = Rate::gigabytes_per_s(50);
constexpr Duration kLatency = from_microseconds(0.5);
constexpr std::int64_t kBuffer = 64 << 20;

Fabric flat(int parties) { return uniform_fabric(parties, kRate, kLatency); }

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

}  // namespace lockstep
