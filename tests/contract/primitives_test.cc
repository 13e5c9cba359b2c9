// The contracts of the primitives (reference sheet, section 7.2) in small worlds of 2 to 4 ranks.
#include <doctest/doctest.h>

#include "sim/contract/check.h"
#include "tests/contract/small_world.h"

namespace lockstep::contract {
namespace {

using test::SmallWorld;

// Two ranks, all rows on both, a feed-forward that is partial over tp; then whatever `finish` does.
template <class Finish>
CheckResult feed_forward(Finish finish) {
  SmallWorld world({2, 3});
  const TensorId x = world.embed(world.all);
  const TensorId h = world.norm(x, world.all, world.last_term());
  const TensorId y = world.dense(h, world.all, world.last_term());
  finish(world, y, world.last_term());
  const Plan plan = world.take();
  return check(plan);
}

const Violation& only(const CheckResult& result) {
  REQUIRE(result.violations.size() == 1);
  return result.violations.front();
}

TEST_CASE("all_reduce completes a partial value") {
  // m_0 + m_1 = D on both
  const CheckResult result = feed_forward([](SmallWorld& w, TensorId y, TermId mlp) {
    w.all_reduce(y, w.all, mlp);
    w.require(y, w.complete(w.all, {mlp}));
  });
  CHECK(result.verdict == Verdict::holds);
}

TEST_CASE("all_reduce of a complete value multiplies it by the group size") {
  // D + D = 2 D
  const CheckResult result = feed_forward([](SmallWorld& w, TensorId y, TermId mlp) {
    w.all_reduce(y, w.all, mlp);
    w.all_reduce(y, w.all, mlp);
    w.require(y, w.complete(w.all, {mlp}));
  });
  CHECK(only(result).code == Code::double_reduction);
  CHECK(only(result).factor == Rational(2));
  CHECK(only(result).operation.index == 4);
  CHECK(only(result).consumer.index == 5);
}

TEST_CASE("no sum leaves each rank with its own shares") {
  // rank r holds m_r: 1 of 2 shares
  const CheckResult result = feed_forward(
      [](SmallWorld& w, TensorId y, TermId mlp) { w.require(y, w.complete(w.all, {mlp})); });
  CHECK(only(result).code == Code::missing_reduction);
  CHECK(only(result).factor == Rational(1, 2));
  CHECK(to_string(only(result).ranks) == "0-1");
}

TEST_CASE("reduce_scatterv completes a partial value onto the own rows") {
  const CheckResult result = feed_forward([](SmallWorld& w, TensorId y, TermId mlp) {
    const TensorId z = w.reduce_scatterv(y, mlp);
    w.require(z, w.complete(w.own, {mlp}));
  });
  CHECK(result.verdict == Verdict::holds);
}

TEST_CASE("reduce_scatterv of a complete value multiplies it by the group size") {
  const CheckResult result = feed_forward([](SmallWorld& w, TensorId y, TermId mlp) {
    w.all_reduce(y, w.all, mlp);
    const TensorId z = w.reduce_scatterv(y, mlp);
    w.require(z, w.complete(w.own, {mlp}));
  });
  CHECK(only(result).code == Code::double_reduction);
  CHECK(only(result).factor == Rational(2));
  CHECK(only(result).operation.kind == "reduce_scatterv");
  CHECK(only(result).group == "tp");
  CHECK(only(result).site == Site{0, 0, "mlp"});
}

TEST_CASE("dp_scatter of a partial value loses the other ranks' terms") {
  const CheckResult result = feed_forward([](SmallWorld& w, TensorId y, TermId mlp) {
    const TensorId z = w.copy("z", y, w.to_own, w.complete(w.own, {mlp}));
    w.require(z, w.complete(w.own, {mlp}));
  });
  CHECK(only(result).code == Code::missing_reduction);
  CHECK(only(result).factor == Rational(1, 2));
}

TEST_CASE("dp_scatter of a complete value is right, and a second one too") {
  const CheckResult result = feed_forward([](SmallWorld& w, TensorId y, TermId mlp) {
    w.all_reduce(y, w.all, mlp);
    w.copy("z", y, w.to_own, w.complete(w.own, {mlp}));
    const TensorId z = w.copy("z2", y, w.to_own, w.complete(w.own, {mlp}));
    w.require(z, w.complete(w.own, {mlp}));
  });
  CHECK(result.verdict == Verdict::holds);
}

TEST_CASE("a gather as a sum of zero-filled buffers gives every rank all rows") {
  // rank 0: [x_0, 0], rank 1: [0, x_1]; the sum is [x_0, x_1] on both
  SmallWorld world({2, 3});
  const TensorId x = world.embed(world.own);
  const TermId embedding = world.last_term();
  const TensorId g = world.copy("g", x, world.to_global, world.complete(world.all, {embedding}));
  world.all_reduce(g, world.all, embedding);
  world.require(g, world.complete(world.all, {embedding}));
  CHECK(check(world.take()).verdict == Verdict::holds);
}

TEST_CASE("a gather of a replicated value in which everybody contributes counts it twice") {
  // both ranks hold all rows; the sum is 2 x
  SmallWorld world({2, 3});
  const TensorId x = world.embed(world.all);
  const TermId embedding = world.last_term();
  world.all_reduce(x, world.all, embedding);
  world.require(x, world.complete(world.all, {embedding}));
  const CheckResult result = check(world.take());
  CHECK(only(result).code == Code::double_reduction);
  CHECK(only(result).factor == Rational(2));
}

TEST_CASE("rows of different tokens that are summed are wrong rows") {
  // counts 2 and 2: rank 0's tokens 0-1 meet rank 1's tokens 2-3
  SmallWorld world({2, 2});
  const TensorId x = world.embed(world.own);
  const TermId embedding = world.last_term();
  world.all_reduce(x, world.own, embedding);
  world.require(x, world.complete(world.own, {embedding}));
  CHECK(only(check(world.take())).code == Code::wrong_rows);
}

TEST_CASE("a norm on a partial value whose sum comes later is named so") {
  SmallWorld world({2, 3});
  const TensorId x = world.embed(world.all);
  const TensorId h = world.norm(x, world.all, world.last_term());
  const TensorId y = world.dense(h, world.all, world.last_term());
  const TermId mlp = world.last_term();
  const TermId t = world.term("norm", TermKind::norm, 1, 2);
  const TensorId late = world.tensor("late");
  Operation& norm = world.op(OpKind::norm);
  norm.in = {{y, world.complete(world.all, {mlp})}};
  norm.out = {{late, world.complete(world.all, {t})}};
  norm.produces = {{t, GroupId::none(), GroupId::none(), 1, 1}};
  world.all_reduce(late, world.all, t);
  world.require(late, world.complete(world.all, {t}));
  const CheckResult result = check(world.take());
  CHECK(only(result).code == Code::nonlinear_on_partial);
  CHECK(only(result).site.module == "mlp");
}

TEST_CASE("reading a tensor that nobody wrote is undefined rows") {
  SmallWorld world({2, 3});
  const TermId t = world.term("embedding", TermKind::embedding);
  const TensorId x = world.tensor("x");
  world.require(x, world.complete(world.all, {t}));
  CHECK(only(check(world.take())).code == Code::undefined_rows);
}

TEST_CASE("a replicated addend inside an owed sum is a duplicated term") {
  // y_r = m_r + x on both ranks; the sum is D + 2 x
  const CheckResult result = feed_forward([](SmallWorld& w, TensorId y, TermId mlp) {
    const TermId shared = w.term("L0.shared", TermKind::shared);
    const TensorId s = w.tensor("s");
    Operation& make = w.op(OpKind::shared_expert);
    make.in = {{TensorId{1}, w.complete(w.all, {TermId{1}})}};
    make.out = {{s, w.complete(w.all, {shared})}};
    make.produces = {{shared, GroupId::none(), GroupId::none(), 1, 1}};
    const TensorId both = w.tensor("both");
    Operation& add = w.op(OpKind::add);
    add.in = {{y, SpecId::none()}, {s, SpecId::none()}};
    add.out = {{both, w.partial(w.all, {mlp, shared})}};
    const TensorId z = both;
    Operation& sum = w.op(OpKind::all_reduce);
    sum.in = {{z, SpecId::none()}};
    sum.out = {{z, w.complete(w.all, {mlp, shared})}};
    sum.group = w.tp;
    w.require(z, w.complete(w.all, {mlp, shared}));
  });
  CHECK(only(result).code == Code::duplicated_term);
  CHECK(only(result).factor == Rational(2));
  CHECK(only(result).terms == std::vector<std::string>{"L0.shared"});
}

TEST_CASE("x8 followed by a scale of 1/8 is right") {
  const CheckResult result = feed_forward([](SmallWorld& w, TensorId y, TermId mlp) {
    w.all_reduce(y, w.all, mlp);
    w.all_reduce(y, w.all, mlp);
    Operation& scale = w.op(OpKind::scale);
    scale.in = {{y, SpecId::none()}};
    scale.out = {{y, w.complete(w.all, {mlp})}};
    scale.factor = Rational(1, 2);
    w.require(y, w.complete(w.all, {mlp}));
  });
  CHECK(result.verdict == Verdict::holds);
}

TEST_CASE("a coefficient that does not fit makes the verdict unknown, never a wrong one") {
  // 2^40 * 2^40 * 2^-80 is 1, but 2^80 does not fit in 64 bits
  const CheckResult result = feed_forward([](SmallWorld& w, TensorId y, TermId mlp) {
    w.all_reduce(y, w.all, mlp);
    const Rational big(std::int64_t{1} << 40);
    for (const Rational& factor : {big, big, Rational(1) / big, Rational(1) / big}) {
      Operation& scale = w.op(OpKind::scale);
      scale.in = {{y, SpecId::none()}};
      scale.out = {{y, w.complete(w.all, {mlp})}};
      scale.factor = factor;
    }
    w.require(y, w.complete(w.all, {mlp}));
  });
  CHECK(result.verdict == Verdict::unknown);
  CHECK(result.unknown ==
        std::vector<std::string>{"a coefficient does not fit in a 64-bit rational"});
}

// ---- two ranks that share one shard's rows (attention-TP)
// -----------------------------------------

// Rank 0 copies every row, the others nothing: the replicate form of a gather.
MovesId only_rank_0(SmallWorld& world, std::int64_t rows) {
  return world.builder().moves("only_rank_0", {{rows, {{0, 0, rows}}}, {rows, {}}});
}

TEST_CASE("dp_gather_replicate of a replicated value: only attention-TP rank 0 contributes") {
  // x + 0 = x on both
  SmallWorld world({2, 2});
  const TensorId x = world.embed(world.all);
  const TermId embedding = world.last_term();
  const TensorId g =
      world.copy("g", x, only_rank_0(world, 4), world.partial(world.all, {embedding}));
  world.all_reduce(g, world.all, embedding);
  world.require(g, world.complete(world.all, {embedding}));
  CHECK(check(world.take()).verdict == Verdict::holds);
}

TEST_CASE("dp_gather_replicate of a partial value loses the other ranks' terms") {
  // m_0 + 0: one share of two, although a sum over both ranks ran
  const CheckResult result = feed_forward([](SmallWorld& w, TensorId y, TermId mlp) {
    const TensorId g = w.copy("g", y, only_rank_0(w, 5), w.partial(w.all, {mlp}));
    w.all_reduce(g, w.all, mlp);
    w.require(g, w.complete(w.all, {mlp}));
  });
  CHECK(only(result).code == Code::missing_reduction);
  CHECK(only(result).factor == Rational(1, 2));
  CHECK(only(result).operation.kind == "copy_rows");
}

TEST_CASE("the residual that joins a partial value on one rank is there once, on two ranks twice") {
  // P1c: (m_0 + x) + m_1 = D + x; (m_0 + x) + (m_1 + x) = D + 2 x
  for (const bool on_both : {false, true}) {
    CAPTURE(on_both);
    const CheckResult result = feed_forward([on_both](SmallWorld& w, TensorId y, TermId mlp) {
      const TermId embedding{0};
      Operation& join = w.op(OpKind::add);
      if (!on_both) join.ranks = RankSet::range(0, 1);
      join.in = {{y, SpecId::none()}, {TensorId{0}, SpecId::none()}};
      join.out = {{y, w.partial(w.all, {embedding, mlp})}};
      Operation& sum = w.op(OpKind::all_reduce);
      sum.in = {{y, SpecId::none()}};
      sum.out = {{y, w.complete(w.all, {embedding, mlp})}};
      sum.group = w.tp;
      w.require(y, w.complete(w.all, {embedding, mlp}));
    });
    if (!on_both) {
      CHECK(result.verdict == Verdict::holds);
      continue;
    }
    CHECK(only(result).code == Code::duplicated_term);
    CHECK(only(result).factor == Rational(2));
    CHECK(only(result).terms == std::vector<std::string>{"embedding"});
  }
}

// ---- equal chunks -------------------------------------------------------------------------------

// Four rows on two ranks: rank r's chunk is rows 2r and 2r + 1.
TensorId scatter_chunks(SmallWorld& world, TensorId from, TermId value) {
  const TensorId chunk = world.tensor("chunk");
  Operation& op = world.op(OpKind::reduce_scatter);
  op.in = {{from, SpecId::none()}};
  op.out = {{chunk, world.complete(world.own, {value})}};
  op.group = world.tp;
  return chunk;
}

TensorId gather_chunks(SmallWorld& world, TensorId chunk, TermId value) {
  const TensorId whole = world.tensor("whole");
  Operation& op = world.op(OpKind::all_gather);
  op.in = {{chunk, SpecId::none()}};
  op.out = {{whole, world.complete(world.all, {value})}};
  op.group = world.tp;
  return whole;
}

CheckResult chunked(bool sum_first) {
  SmallWorld world({2, 2});
  const TensorId x = world.embed(world.all);
  const TensorId h = world.norm(x, world.all, world.last_term());
  const TensorId y = world.dense(h, world.all, world.last_term());
  const TermId mlp = world.last_term();
  if (sum_first) world.all_reduce(y, world.all, mlp);
  const TensorId chunk = scatter_chunks(world, y, mlp);
  const TensorId whole = gather_chunks(world, chunk, mlp);
  world.require(whole, world.complete(world.all, {mlp}));
  return check(world.take());
}

TEST_CASE("reduce_scatter then all_gather of a partial value completes it on every rank") {
  // RS via DP: chunk r = m_0 + m_1 on rows 2r, 2r + 1; gathered: D on all four rows
  CHECK(chunked(false).verdict == Verdict::holds);
}

TEST_CASE("reduce_scatter of a complete value multiplies it by the group size") {
  const CheckResult result = chunked(true);
  CHECK(only(result).code == Code::double_reduction);
  CHECK(only(result).factor == Rational(2));
  CHECK(only(result).operation.kind == "reduce_scatter");
}

TEST_CASE("all_gather of what every rank holds whole repeats the rows") {
  // 4 rows from each of 2 ranks are 8 rows, not 4
  SmallWorld world({2, 2});
  const TensorId x = world.embed(world.all);
  const TermId embedding = world.last_term();
  const TensorId whole = gather_chunks(world, x, embedding);
  world.require(whole, world.complete(world.all, {embedding}));
  CHECK(only(check(world.take())).code == Code::layout_mismatch);
}

}  // namespace
}  // namespace lockstep::contract
