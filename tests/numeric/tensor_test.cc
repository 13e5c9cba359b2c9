#include "backend/numeric/tensor.h"

#include <doctest/doctest.h>

#include <cmath>

#include "backend/numeric/tokens.h"
#include "tests/numeric/held.h"

namespace lockstep::test {
namespace {

using numeric::Held;
using Rows = std::vector<float>;

// NaN shown as -1, so that rows can be compared.
Rows shown(const Held& held) {
  Rows rows = elements(held);
  for (float& v : rows) v = std::isnan(v) ? -1.0F : v;
  return rows;
}

Held copied(const Held& from, const Held& onto, const RowMoves& moves, Fill fill) {
  return numeric::copied_rows(from, onto, moves, fill, {0, 1});
}

TEST_CASE("copy_rows fills what it does not write: with zero, with nothing, with what was there") {
  const RowMoves moves{3, {{1, 0, 1}}};
  const Held from = column({4, 5});
  const Held onto = column({7, 8, 9});
  CHECK(shown(copied(from, onto, moves, Fill::zero)) == Rows{5, 0, 0});
  CHECK(shown(copied(from, onto, moves, Fill::undefined)) == Rows{5, -1, -1});
  CHECK(shown(copied(from, onto, moves, Fill::keep)) == Rows{5, 8, 9});
}

TEST_CASE("a move beyond its source copies undefined rows, beyond its destination nothing") {
  const Held from = column({4, 5});
  CHECK(shown(copied(from, nullptr, {2, {{1, 0, 2}}}, Fill::zero)) == Rows{5, -1});
  CHECK(shown(copied(from, nullptr, {2, {{-1, 0, 2}}}, Fill::zero)) == Rows{-1, 4});
  CHECK(shown(copied(from, nullptr, {2, {{0, 1, 2}}}, Fill::zero)) == Rows{0, 4});
  CHECK(shown(copied(from, nullptr, {2, {{0, -1, 2}}}, Fill::zero)) == Rows{5, 0});
  CHECK(shown(copied(from, nullptr, {2, {{0, 9, 2}}}, Fill::zero)) == Rows{0, 0});
}

TEST_CASE("rows moved out of memory that nobody wrote are undefined") {
  CHECK(shown(copied(nullptr, nullptr, {2, {{0, 0, 1}}}, Fill::zero)) == Rows{-1, 0});
}

TEST_CASE("a sum has the rows of its longest addend; those that another lacks are undefined") {
  const std::vector<Held> addends{column({1, 2}), column({10})};
  CHECK(shown(numeric::added(addends)) == Rows{11, -1});
}

TEST_CASE("a sum over different columns is undefined") {
  const std::vector<Held> addends{column({1}),
                                  numeric::make_held({{1, 2}}, numeric::Matrix<float>(1, 1))};
  CHECK(shown(numeric::added(addends)) == Rows{-1});
}

TEST_CASE("scaling multiplies every element: 1/8 * 24 = 3") {
  CHECK(shown(numeric::scaled(column({24, 8}), 0.125)) == Rows{3, 1});
  CHECK(numeric::scaled(nullptr, 2) == nullptr);
}

TEST_CASE("a slice finds its columns in whatever order they were gathered") {
  // Columns 2 3 0 1 of a whole: the slice [0, 2) is what stands third and fourth.
  const numeric::Held gathered =
      numeric::make_held({{2, 4}, {0, 2}}, {1, 4, std::vector<float>{12, 13, 10, 11}});
  CHECK(shown(numeric::sliced_columns(gathered, {0, 2})) == Rows{10, 11});
  CHECK(shown(numeric::sliced_columns(gathered, {1, 3})) == Rows{11, 12});
  // Of a column that is there twice the first counts; one that is not there is undefined.
  const numeric::Held twice =
      numeric::make_held({{0, 2}, {1, 3}}, {1, 4, std::vector<float>{10, 11, 21, 12}});
  CHECK(shown(numeric::sliced_columns(twice, {1, 4})) == Rows{11, 12, -1});
}

TEST_CASE("undefined stays undefined, whatever it is scaled by") {
  CHECK(shown(numeric::scaled(column({numeric::kUndefinedElement}), 0)) == Rows{-1});
}

TEST_CASE("tokens less than a vocabulary apart are different words") {
  std::vector<bool> used(64, false);
  for (std::int64_t token = 100; token < 164; ++token) {
    const std::int64_t id = numeric::vocabulary_id(token, 64, 1);
    REQUIRE(id >= 0);
    REQUIRE(id < 64);
    CHECK_FALSE(used[static_cast<std::size_t>(id)]);
    used[static_cast<std::size_t>(id)] = true;
  }
}

TEST_CASE("a token is found in its request, step and row; padding and strangers are not") {
  // Step 0: tokens 0..2 and 3..4; step 1: token 5.
  const numeric::TokenTable table({{0, 0, 3, 0}, {0, 3, 2, 0}, {1, 5, 1, 3}}, 2);
  CHECK(table.rows(0) == 5);
  CHECK(table.find(4)->row == 4);
  CHECK(table.find(4)->run == 1);
  CHECK(table.find(5)->step == 1);
  CHECK(table.find(5)->row == 0);
  CHECK_FALSE(table.find(6).has_value());
  CHECK_FALSE(table.find(kPadding).has_value());
}

}  // namespace
}  // namespace lockstep::test
