// One collective message by message, as a whole program, so that its time and memory can be
// measured from outside beside another simulator's (simgrid_collectives.py).
//
//   lockstep_events ring 512                  all-reduce of 64 MiB in 1,022 rounds
//   lockstep_events ring 4096 --seed 1        links 0 to 10 % slower, starts 0 to 50 us late
//   lockstep_events all-to-all 512            64 KiB a pair, all in one round
//   lockstep_events uneven 64 --seed 1        1 to 256 KiB a pair, starts 0 to 50 us late
//
// Links have 50 GB/s each way and party, and a latency of 0.5 us.

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstdint>
#include <exception>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "sim/base/hash.h"
#include "sim/base/random.h"
#include "sim/events/exchange.h"
#include "tests/events/schedules.h"

namespace lockstep {

namespace {

struct Options {
  std::string collective;
  int parties = 0;
  std::int64_t bytes = 0;  // 0: what the collective usually has
  std::uint64_t seed = 0;  // 0: equal links, starts at zero
};

WrittenSchedule uneven_all_to_all(int parties, std::uint64_t seed) {
  Random random(seed);
  std::vector<std::vector<Round>> rounds(static_cast<std::size_t>(parties));
  for (int from = 0; from < parties; ++from) {
    Round round;
    round.receives = parties - 1;
    for (int i = 1; i < parties; ++i) {
      round.sends.push_back(
          {(from + i) % parties, 1024 + random.below(std::int64_t{255} * 1024), 0});
    }
    rounds[static_cast<std::size_t>(from)].push_back(std::move(round));
  }
  return WrittenSchedule(std::move(rounds));
}

std::unique_ptr<Schedule> make_schedule(const Options& options) {
  const auto bytes = [&options](std::int64_t usual) {
    return options.bytes > 0 ? options.bytes : usual;
  };
  const int parties = options.parties;
  if (options.collective == "ring") {
    return std::make_unique<RingSchedule>(parties, bytes(64 << 20));
  }
  if (options.collective == "doubling") {
    return std::make_unique<DoublingSchedule>(parties, bytes(64 << 20));
  }
  if (options.collective == "pairwise") {
    return std::make_unique<PairwiseSchedule>(parties, bytes(64 << 10));
  }
  if (options.collective == "uneven") {
    return std::make_unique<WrittenSchedule>(uneven_all_to_all(parties, options.seed));
  }
  return std::make_unique<DirectSchedule>(parties, bytes(64 << 10));
}

int measure(const Options& options) {
  Fabric fabric =
      uniform_fabric(options.parties, Rate::gigabytes_per_s(50), from_microseconds(0.5));
  std::vector<Time> starts(static_cast<std::size_t>(options.parties));
  if (options.seed > 0) {
    Random random(options.seed);
    for (Rate& rate : fabric.capacity) {
      rate.micro_bytes_per_s -=
          random.below(static_cast<std::int64_t>(rate.micro_bytes_per_s / 10));
    }
    for (Time& start : starts) start = Time(random.below(50'000'000));
  }
  const ExchangeResult result = run_exchange(*make_schedule(options), fabric, starts);
  fmt::print("simulated_us {:.6f} messages {} events {} trace_hash {}\n",
             in_microseconds(result.end), result.messages, result.events, hex64(result.trace_hash));
  return 0;
}

}  // namespace

}  // namespace lockstep

int main(int argc, char** argv) try {
  lockstep::Options options;
  CLI::App app("One collective, message by message.");
  app.add_option("COLLECTIVE", options.collective)
      ->required()
      ->check(CLI::IsMember({"ring", "doubling", "pairwise", "all-to-all", "uneven"}));
  app.add_option("PARTIES", options.parties)->required()->check(CLI::Range(2, 1 << 20));
  app.add_option("--bytes", options.bytes, "of a party's buffer; all-to-all: of a pair");
  app.add_option("--seed", options.seed, "unequal links and starts");
  CLI11_PARSE(app, argc, argv);
  return lockstep::measure(options);
} catch (const std::exception& error) {
  fmt::print(stderr, "error: {}\n", error.what());
  return 1;
}
