// Tensor states: sums of many addends, consecutive slices, columns side by side.
#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <vector>

#include "sim/base/random.h"
#include "sim/contract/state.h"
#include "tests/contract/small_world.h"

namespace lockstep::contract {
namespace {

struct Tables {
  test::SmallWorld world{{1, 1}};
  TermId term = world.term("a", TermKind::dense, 64);
  Plan plan = world.take();
  ValueTable values{plan};
  StateTable states{values};
};

constexpr ColumnRange kColumns{0, 16};

// Zeros, undefined rows and shares of a term, in runs of a few rows.
StateId draw(Tables& t, Random& random, std::int64_t rows) {
  std::vector<Run> runs;
  for (std::int64_t row = 0; row < rows;) {
    const std::int64_t count = std::min<std::int64_t>(1 + random.below(5), rows - row);
    const auto share = static_cast<std::int32_t>(random.below(64));
    ValueId value = t.values.single(t.term, {share, share + 1}, 1);
    if (random.chance(1, 2)) value = kZero;
    if (random.chance(1, 12)) value = kUndefined;
    append_run(runs, {row, count, value});
    row += count;
  }
  return t.states.make(kColumns, runs);
}

TEST_CASE("many addends sum to what they sum to in pairs") {
  // The sweep that takes many addends and the walk that takes few are two ways to one state.
  Random random(16384);
  for (int round = 0; round < 200; ++round) {
    Tables t;
    const std::int64_t rows = 1 + random.below(30);
    std::vector<StateId> addends;
    for (int i = 0; i < 40; ++i) addends.push_back(draw(t, random, rows));
    StateId in_pairs = addends.front();
    for (std::size_t i = 1; i < addends.size(); ++i) {
      in_pairs = t.states.sum(std::array{in_pairs, addends[i]});
    }
    REQUIRE(t.states.sum(addends) == in_pairs);
  }
}

TEST_CASE("consecutive slices are slices, and undefined beyond the end") {
  Random random(7);
  for (int round = 0; round < 200; ++round) {
    Tables t;
    const StateId whole = draw(t, random, 20);
    const std::vector<std::int64_t> counts{3, 0, random.below(12), 7, 5};
    const std::vector<StateId> cut = t.states.slices(whole, counts);
    REQUIRE(cut.size() == counts.size());
    std::int64_t first = 0;
    for (std::size_t i = 0; i < counts.size(); ++i) {
      CHECK(cut[i] == t.states.slice(whole, first, counts[i]));
      first += counts[i];
    }
  }
}

TEST_CASE("equal rows over neighbouring columns are one block, others are several") {
  Tables t;
  const std::vector<Run> rows{{0, 4, t.values.single(t.term, {0, 64}, 1)}};
  const std::vector<Run> other{{0, 4, t.values.single(t.term, {0, 32}, 1)}};
  const std::array left{t.states.make({0, 4}, rows), t.states.make({4, 4}, rows),
                        t.states.make({4, 9}, rows)};
  CHECK(t.states.concatenate_columns(left) == t.states.make({0, 9}, rows));
  const std::array mixed{left[0], t.states.make({4, 9}, other), t.states.make({9, 12}, other)};
  const StateId joined = t.states.concatenate_columns(mixed);
  REQUIRE(t.states.block_count(joined) == 2);
  CHECK(t.states.block(joined, 1) == t.states.make({4, 12}, other));
}

TEST_CASE("a slice without columns is no block beside those that have some") {
  Tables t;
  const std::vector<Run> rows{{0, 4, t.values.single(t.term, {0, 64}, 1)}};
  const std::vector<Run> other{{0, 4, t.values.single(t.term, {0, 32}, 1)}};
  const std::array parts{t.states.make({0, 0}, other), t.states.make({0, 1}, rows),
                         t.states.make({1, 1}, other), t.states.make({1, 2}, rows)};
  CHECK(t.states.concatenate_columns(parts) == t.states.make({0, 2}, rows));
  const std::array none{StateId::none(), parts[0], t.states.make({0, 0}, rows)};
  CHECK(t.states.concatenate_columns(none) == parts[0]);
}

}  // namespace
}  // namespace lockstep::contract
