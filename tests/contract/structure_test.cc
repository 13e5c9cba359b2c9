// Collectives that do not meet: mismatches, refused arguments and deadlocks.
#include <doctest/doctest.h>

#include "sim/contract/check.h"
#include "tests/contract/small_world.h"

namespace lockstep::contract {
namespace {

using test::SmallWorld;

TEST_CASE("a sizes list of the wrong length is refused by the library") {
  // 2 sizes for a group of 4, as tp8 dp2 ep2 between #22642 and #32663
  SmallWorld world({1, 1, 1, 1});
  const TensorId x = world.embed(world.all);
  const TermId embedding = world.last_term();
  world.sizes = world.builder().sizes("two", {2, 2});
  world.reduce_scatterv(x, embedding);
  const CheckResult result = check(world.take());
  REQUIRE(result.violations.size() == 1);
  CHECK(result.violations[0].code == Code::collective_mismatch);
  CHECK(result.violations[0].message ==
        "collective mismatch in reduce_scatterv over tp: reduce_scatterv takes one size per rank: "
        "2 sizes for a group of 4");
  CHECK(result.stopped_at == 1);
}

TEST_CASE("members that call different collectives stop their communicator") {
  SmallWorld world({1, 1});
  const TensorId x = world.embed(world.all);
  const TermId embedding = world.last_term();
  Operation& sum = world.op(OpKind::all_reduce);
  sum.ranks = RankSet::range(0, 1);
  sum.in = {{x, SpecId::none()}};
  sum.out = {{x, world.complete(world.all, {embedding})}};
  sum.group = world.tp;
  const TensorId z = world.tensor("z");
  Operation& scatter = world.op(OpKind::reduce_scatter);
  scatter.ranks = RankSet::range(1, 1);
  scatter.in = {{x, SpecId::none()}};
  scatter.out = {{z, world.complete(world.own, {embedding})}};
  scatter.group = world.tp;
  const CheckResult result = check(world.take());
  REQUIRE(result.violations.size() == 1);
  CHECK(result.violations[0].code == Code::collective_mismatch);
  CHECK(result.violations[0].operation.index == 1);
  CHECK(to_string(result.violations[0].ranks) == "0-1");
}

TEST_CASE("a member that never calls is a deadlock, with who waits for whom") {
  SmallWorld world({1, 1});
  const TensorId x = world.embed(world.all);
  const TermId embedding = world.last_term();
  world.all_reduce(x, world.all, embedding);
  Plan plan = world.take();
  plan.operations.back().ranks = RankSet::range(0, 1);
  const CheckResult result = check(plan);
  REQUIRE(result.violations.size() == 1);
  CHECK(result.violations[0].code == Code::deadlock);
  CHECK(result.violations[0].message ==
        "deadlock: rank 0 waits in all_reduce over tp for rank 1, which has ended");
  REQUIRE(result.violations[0].cycle.size() == 1);
  CHECK(result.violations[0].cycle[0].name == "ranks 0 wait for ranks 1");
  CHECK(result.stopped_at == 1);
}

TEST_CASE("ranks that call the same collective from different lines meet") {
  SmallWorld world({1, 1});
  const TensorId x = world.embed(world.own);
  const TermId embedding = world.last_term();
  const TensorId g = world.copy("g", x, world.to_global, world.complete(world.all, {embedding}));
  world.all_reduce(g, world.all, embedding);
  world.all_reduce(g, world.all, embedding);
  world.require(g, world.complete(world.all, {embedding}));
  Plan plan = world.take();
  plan.operations[2].ranks = RankSet::range(0, 1);
  plan.operations[3].ranks = RankSet::range(1, 1);
  CHECK(check(plan).verdict == Verdict::holds);
}

TEST_CASE("members with different row counts mismatch") {
  SmallWorld world({1, 2});
  const TensorId x = world.embed(world.own);
  world.all_reduce(x, world.own, world.last_term());
  const CheckResult result = check(world.take());
  REQUIRE(result.violations.size() == 1);
  CHECK(result.violations[0].code == Code::collective_mismatch);
  CHECK(result.violations[0].message ==
        "collective mismatch in all_reduce over tp: rank 0 calls with rows 1, rank 1 with 2");
}

}  // namespace
}  // namespace lockstep::contract
