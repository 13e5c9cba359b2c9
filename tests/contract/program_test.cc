// Functions, products, rooted and exchanging collectives of hand-written programs.
#include "tests/contract/program_world.h"

namespace lockstep::contract {
namespace {

using test::checked;
using test::only;
using test::ProgramWorld;

// y = W x, where x_r is a part of x on rank r: W x = W x_0 + W x_1.
TensorId product_of_parts(ProgramWorld& w, TermId* made, bool with_bias = false) {
  const TermId x = w.term_of("x", 2);
  const TensorId parts = w.parts("x", w.all, x);
  const TermId y = w.term_of("y", 2);
  const TermId bias = w.term_of("bias", 1, Reduction::sum, TermKind::bias);
  const TensorId result = w.tensor("y");
  Operation& o = w.op(OpKind::linear);
  o.in = {{parts, w.partial(w.all, {x})}};
  o.produces = {{y, w.tp, GroupId::none(), 2, 1}};
  if (with_bias) o.produces.push_back({bias, GroupId::none(), GroupId::none(), 1, 1});
  std::vector<TermId> terms{y};
  if (with_bias) terms.push_back(bias);
  o.out = {{result, w.partial(w.all, terms)}};
  *made = y;
  return result;
}

TEST_CASE("a product of parts, summed, is the product") {
  ProgramWorld w(2);
  TermId y;
  const TensorId t = product_of_parts(w, &y);
  w.all_reduce(t, w.all, y);
  w.require(t, w.complete(w.all, {y}));
  CHECK(checked(w.take()).verdict == Verdict::holds);
}

TEST_CASE("a product of parts that nobody sums lacks shares") {
  // rank r holds W x_r: 1 of 2
  ProgramWorld w(2);
  TermId y;
  const TensorId t = product_of_parts(w, &y);
  w.require(t, w.complete(w.all, {y}));
  const CheckResult result = checked(w.take());
  CHECK(only(result).code == Code::missing_reduction);
  CHECK(only(result).factor == Rational(1, 2));
}

TEST_CASE("a bias that every rank adds before the sum is counted twice") {
  // (W x_0 + b) + (W x_1 + b) = W x + 2 b; b itself is declared as a part, so no result is at fault
  // but that of the product
  ProgramWorld w(2);
  TermId y;
  const TensorId t = product_of_parts(w, &y, true);
  const TermId bias{y.value + 1};
  Operation& sum = w.collective(OpKind::all_reduce, t, t, w.complete(w.all, {y, bias}));
  sum.line = 7;
  w.require(t, w.complete(w.all, {y, bias}));
  const CheckResult result = checked(w.take());
  CHECK(only(result).code == Code::duplicated_term);
  CHECK(only(result).terms == std::vector<std::string>{"bias"});
  CHECK(only(result).factor == Rational(2));
  CHECK(only(result).operation.kind == "linear");
}

TEST_CASE("a product of a sum's parts that are no sum is refused where it is read") {
  // W max(x_0, x_1) is not W x_0 + W x_1
  ProgramWorld w(2);
  const TermId x = w.term_of("x", 2, Reduction::max);
  const TensorId parts = w.parts("x", w.all, x);
  const TermId y = w.term_of("y", 2);
  const TensorId t = w.product(parts, w.partial(w.all, {x}), w.partial(w.all, {y}), y);
  w.all_reduce(t, w.all, y);
  w.require(t, w.complete(w.all, {y}));
  CHECK(only(checked(w.take())).code == Code::missing_reduction);
}

TEST_CASE("a function of slices, and their product, column by column") {
  // f(x)[slice r] = f(x[slice r]); sum over r of W_r f(x)[slice r] = W f(x)
  for (const bool right : {true, false}) {
    ProgramWorld w(2);
    const TermId x = w.term_of("x");
    const TensorId whole = w.input("x", w.all, x);
    const TensorId slice = w.tensor("slice");
    if (right) {
      w.collective(OpKind::slice_columns, whole, slice, w.sliced(w.all, {x}));
    } else {
      Operation& copy = w.op(OpKind::scale);
      copy.in = {{whole, SpecId::none()}};
      copy.out = {{slice, w.complete(w.all, {x})}};
    }
    const TermId f = w.term_of("f");
    const TensorId act = w.tensor("act");
    Operation& function = w.op(OpKind::compute);
    function.in = {{slice, w.sliced(w.all, {x})}};
    function.out = {{act, w.sliced(w.all, {f})}};
    function.produces = {{f, GroupId::none(), GroupId::none(), 1, 1}};
    const TermId y = w.term_of("y", 2);
    const TensorId t = w.product(act, w.sliced(w.all, {f}), w.partial(w.all, {y}), y);
    w.all_reduce(t, w.all, y);
    w.require(t, w.complete(w.all, {y}));
    const CheckResult result = checked(w.take());
    CHECK(result.verdict == (right ? Verdict::holds : Verdict::violated));
    if (!right) CHECK(only(result).code == Code::layout_mismatch);
  }
}

TEST_CASE("what a member without columns holds is in no gathered column") {
  // Of two columns the slices of three members are [0, 0), [0, 1), [1, 2). The first holds 2 x in
  // none of them, the last 2 x in one.
  for (const int rank : {0, 2}) {
    ProgramWorld w(3);
    const TermId x = w.term_of("x");
    const TensorId slice = w.tensor("x", "2");
    Operation& made = w.op(OpKind::compute);
    made.out = {{slice, w.sliced(w.all, {x})}};
    made.produces = {{x, GroupId::none(), GroupId::none(), 1, 1}};
    Operation& twice = w.on(w.op(OpKind::scale), rank);
    twice.in = {{slice, SpecId::none()}};
    twice.out = {{slice, w.sliced(w.all, {x})}};
    twice.factor = 2;
    const TensorId whole = w.tensor("whole", "2");
    w.collective(OpKind::all_gather, slice, whole, w.complete(w.all, {x})).axis = Axis::columns;
    w.require(whole, w.complete(w.all, {x}));
    const CheckResult result = checked(w.take());
    CHECK(result.verdict == (rank == 0 ? Verdict::holds : Verdict::violated));
    if (rank == 2) CHECK(only(result).factor == Rational(2));
  }
}

// reduce to rank `root`, in place or not; then `reader` must have the sum.
CheckResult reduced(int root, int reader, bool in_place, bool passed_on) {
  ProgramWorld w(2);
  const TermId x = w.term_of("x", 2);
  const TensorId parts = w.parts("x", w.all, x);
  const TensorId sum = in_place ? parts : w.tensor("sum");
  w.collective(OpKind::reduce, parts, sum, w.complete(w.all, {x})).root = root;
  if (passed_on) {
    w.collective(OpKind::broadcast, sum, sum, w.complete(w.all, {x})).root = root;
  }
  w.require(sum, w.complete(w.all, {x}));
  Plan plan = w.take();
  if (reader >= 0) plan.operations.back().ranks = RankSet::range(reader, 1);
  return checked(plan);
}

TEST_CASE("only the root of a reduction has the sum") {
  // root: x_0 + x_1; the other: nothing, or its own x_r where it is in place
  CHECK(reduced(1, 1, false, false).verdict == Verdict::holds);
  CHECK(reduced(1, 1, true, false).verdict == Verdict::holds);
  const CheckResult other = reduced(1, 0, false, false);
  CHECK(only(other).code == Code::undefined_rows);
  CHECK(only(other).operation.kind == "reduce");
  const CheckResult kept = reduced(1, 0, true, false);
  CHECK(only(kept).code == Code::missing_reduction);
  CHECK(only(kept).operation.kind == "reduce");
}

TEST_CASE("a reduction and a broadcast of one root are an all_reduce") {
  CHECK(reduced(0, -1, false, true).verdict == Verdict::holds);
  CHECK(reduced(1, -1, true, true).verdict == Verdict::holds);
}

TEST_CASE("a broadcast of what another root has is undefined") {
  ProgramWorld w(2);
  const TermId x = w.term_of("x", 2);
  const TensorId parts = w.parts("x", w.all, x);
  const TensorId sum = w.tensor("sum");
  w.collective(OpKind::reduce, parts, sum, w.complete(w.all, {x})).root = 1;
  w.collective(OpKind::broadcast, sum, sum, w.complete(w.all, {x})).root = 0;
  w.require(sum, w.complete(w.all, {x}));
  const CheckResult result = checked(w.take());
  CHECK(only(result).code == Code::undefined_rows);
  CHECK(only(result).operation.kind == "broadcast");
}

TEST_CASE("roots that differ or are no member are mismatches") {
  ProgramWorld w(2);
  const TermId x = w.term_of("x", 2);
  const TensorId parts = w.parts("x", w.all, x);
  w.collective(OpKind::reduce, parts, parts, w.complete(w.all, {x})).root = 4;
  Plan plan = w.take();
  CHECK(only(checked(plan)).message ==
        "collective mismatch in reduce over tp: reduce with root 4 of a group of 2");
  plan.operations.back().root = 0;
  plan.operations.push_back(plan.operations.back());
  plan.operations[1].ranks = RankSet::range(0, 1);
  plan.operations[2].ranks = RankSet::range(1, 1);
  plan.operations[2].root = 1;
  const CheckResult result = checked(plan);
  CHECK(only(result).code == Code::collective_mismatch);
  CHECK(only(result).message ==
        "collective mismatch in reduce over tp: rank 0 calls with root 0, rank 1 with 1");
}

TEST_CASE("all_to_all of a partial value makes, for each rank, the parts of its rows") {
  // rank i holds m_i at tokens 0-3; rank j receives m_0 at 2j..2j+1, then m_1 at the same
  ProgramWorld w(2);
  const TermId x = w.term_of("x");
  const TensorId whole = w.input("x", w.all, x);
  const LayoutId twice = w.builder().layout("twice", {{{0, 2}, {0, 2}}, {{2, 2}, {2, 2}}});
  const LayoutId wrong = w.builder().layout("wrong", {{{0, 2}, {2, 2}}, {{0, 2}, {2, 2}}});
  const TensorId t = w.tensor("t");
  w.collective(OpKind::all_to_all, whole, t, w.complete(twice, {x}));
  w.require(t, w.complete(twice, {x}));
  Plan plan = w.take();
  CHECK(checked(plan).verdict == Verdict::holds);
  plan.specs[plan.operations.back().in[0].expect.index()].rows = wrong;
  CHECK(only(checked(plan)).code == Code::wrong_rows);
}

TEST_CASE("all_to_all of rows that do not divide is refused") {
  ProgramWorld w(2, 3);
  const TermId x = w.term_of("x");
  const TensorId whole = w.input("x", w.all, x);
  w.collective(OpKind::all_to_all, whole, whole, w.complete(w.all, {x}));
  CHECK(only(checked(w.take())).message ==
        "collective mismatch in all_to_all over tp: all_to_all of 3 rows over 2 ranks: not a "
        "multiple");
}

TEST_CASE("all_to_allv moves sizes[i][j] rows from i to j") {
  // own: rank 0 has tokens 0-1, rank 1 has 2-3. 0 keeps 0, gives 1; 1 gives both: 0 gets 0,2,3
  ProgramWorld w(2);
  const TermId x = w.term_of("x");
  const TensorId own = w.input("x", w.own, x);
  const LayoutId moved = w.builder().layout("moved", {{{0, 1}, {2, 2}}, {{1, 1}}});
  const TensorId t = w.tensor("t");
  w.collective(OpKind::all_to_allv, own, t, w.complete(moved, {x})).sizes =
      w.builder().sizes("pairs", {1, 1, 2, 0});
  w.require(t, w.complete(moved, {x}));
  Plan plan = w.take();
  CHECK(checked(plan).verdict == Verdict::holds);
  plan.sizes.back().sizes = {1, 1, 0, 2};
  CHECK(only(checked(plan)).code == Code::layout_mismatch);
  plan.sizes.back().sizes = {1, 1, 1, 0};
  CHECK(only(checked(plan)).code == Code::collective_mismatch);
  plan.sizes.back().sizes = {1, 1, 2};
  CHECK(only(checked(plan)).message ==
        "collective mismatch in all_to_allv over tp: all_to_allv takes one size per pair of ranks: "
        "3 sizes for a group of 2");
}

TEST_CASE("a barrier that one rank never reaches is a deadlock") {
  ProgramWorld w(2);
  w.op(OpKind::barrier).group = w.tp;
  Plan plan = w.take();
  CHECK(checked(plan).verdict == Verdict::holds);
  plan.operations.back().ranks = RankSet::range(0, 1);
  CHECK(only(checked(plan)).code == Code::deadlock);
}

TEST_CASE("rows of padding that are read must be zero") {
  // two tokens and two rows of padding: undefined as computed, zero where copied into zeros
  ProgramWorld w(1, 2);
  const TermId x = w.term_of("x");
  const TensorId t = w.input("x", w.all, x);
  const LayoutId padded = w.builder().layout("padded", RowMap{{0, 2}, {kPadding, 2}});
  const MovesId moves = w.builder().moves("pad", {{4, {{0, 0, 2}}}});
  const TensorId z = w.copy("z", t, moves, w.complete(padded, {x}));
  w.require(z, w.builder().spec({padded, {x}, GroupId::none(), GroupId::none(), true}));
  w.require(z, w.builder().spec({padded, {x}, GroupId::none(), GroupId::none(), true}));
  Plan plan = w.take();
  CHECK(checked(plan).verdict == Verdict::holds);
  plan.operations[1].fill = Fill::undefined;
  const CheckResult result = checked(plan);
  CHECK(only(result).code == Code::undefined_rows);
  CHECK(only(result).message.find("rows of padding are read") != std::string::npos);
}

TEST_CASE("computing routed shares counts as computing experts") {
  // shares 0,1 and 1: share 1 twice, 2 nowhere
  ProgramWorld w(2);
  const TermId x = w.term_of("x", 3, Reduction::sum, TermKind::routed);
  Production p{x, GroupId::none(), GroupId::none(), 1, 1};
  p.placement = w.builder().placement("experts", {{{0, 2}}, {{1, 2}}});
  const TensorId t = w.computed("x", w.partial(w.all, {x}), p);
  w.all_reduce(t, w.all, x);
  w.require(t, w.complete(w.all, {x}));
  Plan plan = w.take();
  CHECK(only(checked(plan)).code == Code::expert_map);
  plan.placements.back().of.distinct[1] = {{2, 3}};
  CHECK(checked(plan).verdict == Verdict::holds);
}

TEST_CASE("a value in another unit is a layout mismatch, not a missing sum") {
  ProgramWorld w(2);
  const TermId lse = w.term_of("lse");
  const TermId base2 =
      w.builder().term({"lse.base2", TermKind::other, 0, -1, 0, 1, Reduction::sum, lse});
  const TensorId t = w.input("t", w.all, base2);
  w.require(t, w.complete(w.all, {lse}));
  const CheckResult result = checked(w.take());
  CHECK(only(result).code == Code::layout_mismatch);
  CHECK(only(result).message.find("holds lse.base2, which is lse in another unit") !=
        std::string::npos);
  CHECK(!only(result).factor);
}

}  // namespace
}  // namespace lockstep::contract
