// The engine against a naive one, and the properties of every timeline.
#include <doctest/doctest.h>

#include <algorithm>

#include "sim/events/engine.h"
#include "sim/events/exchange.h"
#include "tests/events/naive_engine.h"
#include "tests/events/programs.h"
#include "tests/events/random_exchange.h"
#include "tests/events/random_program.h"

namespace lockstep {
namespace {

constexpr int kPrograms = 2000;

Program draw(std::uint64_t seed, bool shuffled) {
  Random random(seed);
  Program program = random_program(random);
  if (shuffled) shuffle_a_little(random, program);
  return program;
}

// True if every action of `program` ends; checks that both say the same of each.
bool agrees_with_naive(const Program& program, const Timeline& timeline) {
  const auto naive = naive_run(program);
  bool all_end = true;
  for (std::size_t r = 0; r < naive.size(); ++r) {
    for (std::size_t i = 0; i < naive[r].size(); ++i) {
      const Moment& moment = timeline.of_rank[r][i];
      CAPTURE(r);
      CAPTURE(i);
      CHECK(moment.ready == naive[r][i].ready.value_or(kNever));
      CHECK(moment.end == naive[r][i].end.value_or(kNever));
      all_end = all_end && naive[r][i].end.has_value();
    }
  }
  return all_end;
}

// The path backwards from `moment` never has a hole.
void check_cause(const Timeline& timeline, const Moment& moment) {
  const auto& of_rank = timeline.of_rank[static_cast<std::size_t>(moment.last_rank)];
  if (moment.last_action >= 0) {
    CHECK(of_rank[static_cast<std::size_t>(moment.last_action)].end == moment.begin);
  } else {
    CHECK(std::ranges::any_of(of_rank, [&](const Moment& m) { return m.issued == moment.begin; }));
  }
}

// Each waits for who comes next in the list, the last for the first; or, in a chain, for a rank
// that has no such call.
void check_stuck(const Program& program, const Timeline& timeline) {
  REQUIRE(timeline.stuck);
  const auto& waits = timeline.stuck->waits;
  REQUIRE_FALSE(waits.empty());
  for (std::size_t i = 0; i < waits.size(); ++i) {
    const Moment& moment = timeline.of_rank[static_cast<std::size_t>(waits[i].rank)]
                                           [static_cast<std::size_t>(waits[i].action)];
    CHECK(moment.ready != kNever);
    CHECK_FALSE(moment.is_over());
    if (i + 1 < waits.size()) CHECK(waits[i].waits_for == waits[i + 1].rank);
  }
  CHECK(waits.back().waits_for < static_cast<int>(program.of_rank.size()));
}

}  // namespace

TEST_CASE("random programs take the times of a naive simulator, to the picosecond") {
  for (std::uint64_t seed = 0; seed < kPrograms; ++seed) {
    CAPTURE(seed);
    const Program program = draw(seed, false);
    const Timeline timeline = run(program);
    CHECK(agrees_with_naive(program, timeline));
    CHECK_FALSE(timeline.stuck);
    for (const auto& moments : timeline.of_rank) {
      for (const Moment& moment : moments) {
        CHECK(moment.issued <= moment.ready);
        CHECK(moment.ready <= moment.begin);
        CHECK(moment.begin <= moment.end);
        check_cause(timeline, moment);
      }
    }
    CHECK(run(program).trace_hash == timeline.trace_hash);
  }
}

TEST_CASE("programs with neighbours swapped stand still where the naive simulator does") {
  int stuck = 0;
  for (std::uint64_t seed = 0; seed < kPrograms; ++seed) {
    CAPTURE(seed);
    const Program program = draw(seed, true);
    const Timeline timeline = run(program);
    const bool all_end = agrees_with_naive(program, timeline);
    CHECK(timeline.stuck.has_value() == !all_end);
    if (all_end) continue;
    ++stuck;
    check_stuck(program, timeline);
  }
  CHECK(stuck > kPrograms / 20);
}

TEST_CASE("a meeting alone on the network is the exchange of its schedule") {
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    CAPTURE(seed);
    Random random(seed);
    const int parties = 2 + static_cast<int>(random.below(6));
    Program program = test::program_of(parties);
    program.fabric = random_fabric(random, parties);
    const auto schedule = std::make_shared<WrittenSchedule>(random_schedule(random, parties));
    const std::vector<Time> starts = random_starts(random, parties, 100'000'000);
    std::vector<int> members;
    for (int rank = 0; rank < parties; ++rank) members.push_back(rank);
    program.communicators = {members};
    program.calls = {{"call", {}, schedule}};
    for (std::size_t rank = 0; rank < starts.size(); ++rank) {
      Action until = test::busy(0);
      until.duration = starts[rank];
      program.of_rank[rank] = {until, test::meet(0, 0)};
    }
    const ExchangeResult alone = run_exchange(*schedule, program.fabric, starts);
    const Timeline timeline = run(program);
    CHECK_FALSE(timeline.stuck);
    CHECK(timeline.messages == alone.messages);
    for (std::size_t rank = 0; rank < starts.size(); ++rank) {
      CHECK(timeline.of_rank[rank][1].end == alone.ends[rank]);
    }
  }
}

}  // namespace lockstep
