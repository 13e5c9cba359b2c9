#include "sim/base/time.h"

#include <doctest/doctest.h>

#include <limits>

#include "sim/events/fabric.h"

namespace lockstep {

TEST_CASE("bytes over a rate are rounded up to the next picosecond") {
  // 16,384 B / 50 GB/s = 327.68 ns exactly.
  CHECK(transfer_time(16384, Rate::gigabytes_per_s(50)) == Duration(327'680));
  // 1 B / 3 GB/s = 333.33... ps.
  CHECK(transfer_time(1, Rate::gigabytes_per_s(3)) == Duration(334));
  CHECK(transfer_time(0, Rate::gigabytes_per_s(3)) == Duration(0));
  // 2^40 B / 1 GB/s = 1,099.511627776 s: no overflow in between.
  CHECK(transfer_time(std::int64_t{1} << 40, Rate::gigabytes_per_s(1)) ==
        Duration(1'099'511'627'776'000));
}

TEST_CASE("microseconds become the nearest picosecond, halves up") {
  CHECK(from_microseconds(0.5) == Duration(500'000));
  CHECK(from_microseconds(0.0000005) == Duration(1));
  CHECK(from_microseconds(0.0000004) == Duration(0));
}

TEST_CASE("a rate may be that of all links of a large node together") {
  // 16,384 links of 100,000 GB/s; 2^14 * 10^14 B/s take 2^14 B in 10^-14 s: rounded up, 1 ps.
  const Rate all{16'384 * Rate::gigabytes_per_s(100'000).micro_bytes_per_s};
  CHECK(all.in_gigabytes_per_s() == 1'638'400'000);
  CHECK(transfer_time(16'384, all) == Duration(1));
  // 10^12 times as many bytes: 0.01 s.
  CHECK(transfer_time(16'384'000'000'000'000, all) == Duration(10'000'000'000));
}

TEST_CASE("a time that the clock does not hold is never a number") {
  // 2^63 ps are 9.2e12 us.
  CHECK(from_microseconds(9.2e12) == Duration(9'200'000'000'000'000'000));
  CHECK_THROWS_AS(from_microseconds(9.3e12), ClockOverflow);
  CHECK_THROWS_AS(from_microseconds(std::numeric_limits<double>::quiet_NaN()), ClockOverflow);
  // 10^16 B / 1 GB/s = 10^7 s.
  CHECK_THROWS_AS(transfer_time(10'000'000'000'000'000, Rate::gigabytes_per_s(1)), ClockOverflow);
  CHECK_THROWS_AS(Duration::max() + Duration(1), ClockOverflow);
  CHECK_THROWS_AS(2 * Duration::max(), ClockOverflow);
  CHECK_THROWS_AS(Duration(-2) - Duration::max(), ClockOverflow);
  CHECK(ClockOverflow("this").fault().message ==
        "this takes longer than the clock holds, 106 days");
}

TEST_CASE("parties of one node use their local ports, others the network's") {
  Fabric fabric = uniform_fabric(2, Rate::gigabytes_per_s(50), from_microseconds(0.5));
  const Route route = fabric.route(0, 1);
  REQUIRE(route.used().size() == 2);
  CHECK(route.used()[0] == fabric.local[0].out);
  CHECK(route.used()[1] == fabric.local[1].in);
  CHECK(route.latency == Duration(500'000));
}

}  // namespace lockstep
