// The brute force itself, on programs whose answer is known.
#include <doctest/doctest.h>

#include "tests/brute_force/brute_force.h"
#include "tests/contract/small_world.h"

namespace lockstep::test {
namespace {

// Two ranks with one token each: a feed-forward over both on all rows, summed `sums` times.
Plan summed(int sums) {
  SmallWorld world({1, 1});
  const TensorId x = world.embed(world.all);
  const TensorId y = world.dense(x, world.all, world.last_term());
  const TermId down = world.last_term();
  for (int i = 0; i < sums; ++i) world.all_reduce(y, world.all, down);
  world.require(y, world.complete(world.all, {down}));
  return world.take();
}

// Every share of the feed-forward is there `times` times, on every wrong row.
void check_shares(const Plan& plan, Rational own, Rational other) {
  const BruteForce found = brute_force(plan);
  const int last = static_cast<int>(plan.operations.size()) - 1;
  const Judgement& judgement = found.obligations.at({last, 0});
  CHECK(found.violated);
  CHECK(judgement.judged == std::set<int>{0, 1});
  CHECK(judgement.wrong == std::set<int>{0, 1});
  REQUIRE(judgement.rows.size() == 4);  // 2 ranks x 2 tokens
  for (const WrongRow& row : judgement.rows) {
    const Cell& cell = row.actual.at(0);
    for (const auto& [share, coefficient] : cell.sums) {
      CHECK(share.token == row.token);
      CHECK(coefficient == (share.share == row.rank ? own : other));
    }
    CHECK(cell.sums.size() == (other.is_zero() ? 1 : 2));
  }
}

TEST_CASE("a sum that is run once is right, twice gives each share twice, never its own once") {
  CHECK_FALSE(brute_force(summed(1)).violated);
  check_shares(summed(2), 2, 2);
  check_shares(summed(0), 1, 0);
}

TEST_CASE("two that send to each other before either receives wait for ever") {
  SmallWorld world({1, 1});
  const TensorId x = world.embed(world.all);
  const SpecId right = world.complete(world.all, {world.last_term()});
  const TensorId y = world.tensor("y");
  Operation& send = world.op(OpKind::send);
  send.in = {{x, SpecId::none()}};
  send.group = world.tp;
  send.to = {1, 0};
  Operation& recv = world.op(OpKind::recv);
  recv.out = {{y, right}};
  recv.group = world.tp;
  recv.from = {1, 0};
  const Plan plan = world.take();
  REQUIRE(validate(plan).empty());
  const BruteForce found = brute_force(plan);
  CHECK(found.violated);
  CHECK_FALSE(found.mismatched);
  CHECK(found.stopped_at == 1);
}

TEST_CASE("the maximum of parts of one term is the part of both; of two terms it is nothing") {
  Plan plan = summed(0);
  const auto term = [&](const char* name, Reduction combine) {
    plan.terms.push_back({name, TermKind::other, 0, 0, 0, 2, combine});
    return TermId{static_cast<std::int32_t>(plan.terms.size()) - 1};
  };
  const TermId peak = term("peak", Reduction::max);
  const TermId other = term("other", Reduction::max);
  const auto cell = [&](TermId of, int first, int last) {
    Cell made;
    add_shares(plan, of, {{first, last}}, 0, 1, made);
    return made;
  };
  const Cell left = cell(peak, 0, 1);
  const Cell right = cell(peak, 1, 2);
  const Cell strange = cell(other, 1, 2);
  CHECK(reduced(plan, Cells{&left, &right}, Reduction::max) == complete_cell(plan, {peak}, 0));
  CHECK(reduced(plan, Cells{&left, &strange}, Reduction::max).lost);
  CHECK(reduced(plan, Cells{&left, &right}, Reduction::sum) != complete_cell(plan, {peak}, 0));
}

}  // namespace
}  // namespace lockstep::test
