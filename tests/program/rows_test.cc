#include "sim/program/rows.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <vector>

#include "sim/base/random.h"

using namespace lockstep;
using program::Order;

namespace {

std::vector<std::int64_t> expanded(const RowMap& map) {
  std::vector<std::int64_t> rows;
  for (const RowRun& run : map) {
    for (std::int64_t i = 0; i < run.count; ++i) {
      rows.push_back(run.token == kPadding ? kPadding : run.token + i);
    }
  }
  return rows;
}

using List = std::vector<std::int64_t>;

}  // namespace

TEST_CASE("contiguous parts are as even as possible, the earlier ones larger") {
  // 5 rows over 3: 2, 2, 1.
  const RowMap map{{10, 5}};
  CHECK(expanded(part_of(map, 0, 3, Order::contiguous)) == List{10, 11});
  CHECK(expanded(part_of(map, 1, 3, Order::contiguous)) == List{12, 13});
  CHECK(expanded(part_of(map, 2, 3, Order::contiguous)) == List{14});
}

TEST_CASE("zigzag pairs chunk i with chunk 2n - 1 - i") {
  const RowMap map{{0, 8}};
  CHECK(expanded(part_of(map, 0, 2, Order::zigzag)) == List{0, 1, 6, 7});
  CHECK(expanded(part_of(map, 1, 2, Order::zigzag)) == List{2, 3, 4, 5});
}

TEST_CASE("round robin deals rows out one by one") {
  const RowMap map{{0, 5}};
  CHECK(expanded(part_of(map, 0, 2, Order::round_robin)) == List{0, 2, 4});
  CHECK(expanded(part_of(map, 1, 2, Order::round_robin)) == List{1, 3});
}

TEST_CASE("the parts of every order are the rows, each once") {
  Random random(7);
  for (int round = 0; round < 300; ++round) {
    CAPTURE(round);
    const auto rows = static_cast<std::int64_t>(random.below(20));
    const int count = 1 + static_cast<int>(random.below(6));
    const RowMap map = rows > 0 ? RowMap{{100, rows}} : RowMap{};
    for (const Order order : {Order::contiguous, Order::zigzag, Order::round_robin}) {
      std::vector<bool> seen(static_cast<std::size_t>(rows), false);
      for (int i = 0; i < count; ++i) {
        for (const std::int64_t token : expanded(part_of(map, i, count, order))) {
          const auto at = static_cast<std::size_t>(token - 100);
          CHECK_FALSE(seen[at]);
          seen[at] = true;
        }
      }
      CHECK(std::ranges::count(seen, true) == rows);
    }
  }
}

TEST_CASE("moves bring each token of the destination from where it stands") {
  Random random(11);
  for (int round = 0; round < 500; ++round) {
    CAPTURE(round);
    RowMap from;
    RowMap to;
    for (int run = 0; run < 4; ++run) {
      const auto base = static_cast<std::int64_t>(10 * run);
      program::append(from, {random.chance(1, 4) ? kPadding : base,
                             1 + static_cast<std::int64_t>(random.below(5))});
      program::append(
          to, {random.chance(1, 4) ? kPadding : base + static_cast<std::int64_t>(random.below(4)),
               1 + static_cast<std::int64_t>(random.below(5))});
    }
    const RowMoves moves = program::moves_between(from, to);
    const List source = expanded(from);
    const List wanted = expanded(to);
    List got(wanted.size(), -2);
    for (const Move& m : moves.moves) {
      for (std::int64_t i = 0; i < m.count; ++i) {
        got[static_cast<std::size_t>(m.to + i)] = source[static_cast<std::size_t>(m.from + i)];
      }
    }
    CHECK(moves.rows_out == static_cast<std::int64_t>(wanted.size()));
    for (std::size_t row = 0; row < wanted.size(); ++row) {
      const bool there =
          wanted[row] != kPadding && std::ranges::find(source, wanted[row]) != source.end();
      CHECK(got[row] == (there ? wanted[row] : -2));
    }
  }
}
