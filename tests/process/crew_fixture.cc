#include "tests/process/crew_fixture.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <stdexcept>

#include "sim/base/random.h"

namespace lockstep::process {

CrewOptions crew_of(int ranks) {
  CrewOptions options;
  options.ranks = ranks;
  options.start_limit = seconds(20);
  options.progress_limit = seconds(20);
  options.deadlock_limit = seconds(20);
  options.stopped_limit = seconds(20);
  options.settle = seconds(5);
  options.operation_name = [](int operation) { return fmt::format("step {}", operation); };
  return options;
}

Outcome run_crew(const CrewOptions& options, const Body& body) {
  Outcome outcome = Crew(options, body).wait();
  if (outcome.failure) MESSAGE(outcome.failure->text);
  return outcome;
}

void expect(bool condition, std::source_location where) {
  if (condition) return;
  throw std::runtime_error(fmt::format("{}:{}: not as expected", where.file_name(), where.line()));
}

std::vector<int> others(const Member& member) {
  std::vector<int> found;
  for (int m = 0; m < member.members(); ++m) {
    if (m != member.id()) found.push_back(m);
  }
  return found;
}

std::vector<std::byte> pattern(std::size_t bytes, std::uint64_t seed) {
  std::vector<std::byte> made(bytes);
  Random random(seed);
  for (std::size_t at = 0; at < bytes; at += sizeof(std::uint64_t)) {
    const std::uint64_t word = random.next();
    std::memcpy(made.data() + at, &word, std::min(sizeof word, bytes - at));
  }
  return made;
}

}  // namespace lockstep::process
