// Formal sums: what is added, merged, cancelled and folded into a residual handle.
#include <doctest/doctest.h>

#include <array>

#include "sim/contract/value.h"
#include "tests/contract/small_world.h"

namespace lockstep::contract {
namespace {

struct Terms {
  Terms() : world({1, 1}) {
    a = world.term("a", TermKind::dense, 2);
    b = world.term("b", TermKind::shared, 2);
    before = world.term("residual@L0", TermKind::residual);
    after = world.term("residual@L0.mid", TermKind::residual);
    world.builder().close(after, {before, a});
    plan = world.take();
  }
  test::SmallWorld world;
  TermId a, b, before, after;
  Plan plan;
};

ValueTable::At at(ValueId value, std::int64_t token = 0) { return {value, token}; }

TEST_CASE("shares that are summed once each make the complete term") {
  // a[0] + a[1] = a
  Terms t;
  ValueTable values(t.plan);
  const std::array<TermId, 1> owed{t.a};
  const std::array parts{at(values.single(t.a, {0, 1}, 1)), at(values.single(t.a, {1, 2}, 1))};
  CHECK(values.sum(parts).value == values.complete(owed));
}

TEST_CASE("a complete term summed by two ranks has coefficient 2") {
  // a + a = 2a
  Terms t;
  ValueTable values(t.plan);
  const std::array<TermId, 1> owed{t.a};
  const ValueId once = values.complete(owed);
  const ValueId twice = values.sum(std::array{at(once), at(once)}).value;
  REQUIRE(values.elements(twice).size() == 1);
  CHECK(values.elements(twice)[0] == Element{0, t.a, 0, 2, 2});
  CHECK(values.scale(twice, Rational(1, 2)) == once);
}

TEST_CASE("overlapping shares are cut where the coefficient changes") {
  // a[0..1] + a[1] = a[0] + 2 a[1]
  Terms t;
  ValueTable values(t.plan);
  const std::array<TermId, 1> owed{t.a};
  const ValueId sum =
      values.sum(std::array{at(values.complete(owed)), at(values.single(t.a, {1, 2}, 1))}).value;
  REQUIRE(values.elements(sum).size() == 2);
  CHECK(values.elements(sum)[0] == Element{0, t.a, 0, 1, 1});
  CHECK(values.elements(sum)[1] == Element{0, t.a, 1, 2, 2});
}

TEST_CASE("a value minus itself is zero") {
  // b - b = 0
  Terms t;
  ValueTable values(t.plan);
  const ValueId b = values.single(t.b, {0, 2}, 1);
  CHECK(values.sum(std::array{at(b), at(values.scale(b, -1))}).value == kZero);
}

TEST_CASE("a sum over rows of different tokens keeps them apart") {
  // b at token 5 + b at token 3: the primary token is 3, the other is shifted by +2
  Terms t;
  ValueTable values(t.plan);
  const ValueId b = values.single(t.b, {0, 2}, 1);
  const ValueTable::At sum = values.sum(std::array{at(b, 5), at(b, 3)});
  CHECK(sum.token == 3);
  REQUIRE(values.elements(sum.value).size() == 2);
  CHECK(values.elements(sum.value)[1].shift == 2);
}

TEST_CASE("undefined memory stays undefined in every sum") {
  Terms t;
  ValueTable values(t.plan);
  const ValueId b = values.single(t.b, {0, 2}, 1);
  CHECK(values.sum(std::array{at(b), ValueTable::At{kUndefined, kPadding}}).value == kUndefined);
  CHECK(values.scale(kUndefined, 0) == kUndefined);
}

TEST_CASE("a closed residual stream folds into its handle, scaled or not") {
  // residual@L0 + a = residual@L0.mid, and 3 residual@L0 + 3 a = 3 residual@L0.mid
  Terms t;
  ValueTable values(t.plan);
  const std::array<TermId, 2> open{t.before, t.a};
  const std::array<TermId, 1> closed{t.after};
  CHECK(values.complete(open) == values.complete(closed));
  CHECK(values.scale(values.complete(open), 3) == values.scale(values.complete(closed), 3));
}

TEST_CASE("a stream with a wrong part does not fold") {
  // residual@L0 + 8 a stays as it is
  Terms t;
  ValueTable values(t.plan);
  const ValueId eight = values.single(t.a, {0, 2}, 8);
  const ValueId sum =
      values.sum(std::array{at(values.single(t.before, {0, 1}, 1)), at(eight)}).value;
  CHECK(values.elements(sum).size() == 2);
}

TEST_CASE("an overflow is remembered and never a number") {
  // (2^62)^2 does not fit in 64 bits
  Terms t;
  ValueTable values(t.plan);
  const Rational huge(std::int64_t{1} << 62);
  values.scale(values.single(t.b, {0, 2}, huge), huge);
  CHECK(values.overflowed());
}

}  // namespace
}  // namespace lockstep::contract
