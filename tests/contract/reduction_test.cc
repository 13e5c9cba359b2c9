// Averages, maxima and logarithms of sums of exponentials.
#include "tests/contract/program_world.h"

namespace lockstep::contract {
namespace {

using test::checked;
using test::only;
using test::ProgramWorld;
using test::SmallWorld;

// Rank r holds share r of a term that its shares make by `combine`, or (`whole`) all of it; all
// ranks reduce by each of `reductions`; the result must be the term.
CheckResult reduced(Reduction combine, bool whole, std::vector<Reduction> reductions,
                    Rational factor = 1) {
  ProgramWorld w(2);
  const TermId x = w.term_of("x", 2, combine);
  TensorId t =
      whole ? w.computed("x", w.complete(w.all, {x}), {x, GroupId::none(), GroupId::none(), 2, 1})
            : w.parts("x", w.all, x);
  for (const Reduction reduction : reductions) {
    w.collective(OpKind::all_reduce, t, t, w.complete(w.all, {x})).reduction = reduction;
  }
  Operation& scale = w.op(OpKind::scale);
  scale.in = {{t, SpecId::none()}};
  scale.out = {{t, w.complete(w.all, {x})}};
  scale.factor = factor;
  w.require(t, w.complete(w.all, {x}));
  return checked(w.take());
}

TEST_CASE("each kind of term is whole by its own reduction") {
  // m_0 + m_1; max(m_0, m_1); log(exp m_0 + exp m_1)
  for (const Reduction r : {Reduction::sum, Reduction::max, Reduction::logsumexp}) {
    CHECK(reduced(r, false, {r}).verdict == Verdict::holds);
  }
}

TEST_CASE("no other reduction makes a whole of the shares") {
  for (const Reduction combine : {Reduction::sum, Reduction::max, Reduction::logsumexp}) {
    for (const Reduction r : {Reduction::sum, Reduction::max, Reduction::logsumexp}) {
      if (r == combine) continue;
      CAPTURE(static_cast<int>(combine));
      CAPTURE(static_cast<int>(r));
      CHECK(only(reduced(combine, false, {r})).code == Code::missing_reduction);
    }
  }
}

TEST_CASE("an average is the sum over the number of members") {
  // (m + m) / 2 = m; (m_0 + m_1) / 2 = m / 2
  CHECK(reduced(Reduction::sum, true, {Reduction::average}).verdict == Verdict::holds);
  CHECK(reduced(Reduction::max, true, {Reduction::average}).verdict == Verdict::holds);
  const CheckResult half = reduced(Reduction::sum, false, {Reduction::average});
  CHECK(only(half).factor == Rational(1, 2));
  CHECK(reduced(Reduction::sum, false, {Reduction::average}, 2).verdict == Verdict::holds);
}

TEST_CASE("what all hold is its own maximum, and k times itself as a sum") {
  CHECK(reduced(Reduction::sum, true, {Reduction::max}).verdict == Verdict::holds);
  CHECK(reduced(Reduction::max, true, {Reduction::max}).verdict == Verdict::holds);
  CHECK(only(reduced(Reduction::max, true, {Reduction::sum})).factor == Rational(2));
}

TEST_CASE("a logarithm that is added up twice is no multiple that a scale undoes") {
  // log(2 e^x) = x + log 2; half of that is not x
  const CheckResult twice =
      reduced(Reduction::logsumexp, false, {Reduction::logsumexp, Reduction::logsumexp});
  CHECK(only(twice).code == Code::double_reduction);
  CHECK(only(twice).factor == Rational(2));
  CHECK(reduced(Reduction::logsumexp, false, {Reduction::logsumexp, Reduction::logsumexp},
                Rational(1, 2))
            .verdict == Verdict::violated);
  CHECK(reduced(Reduction::sum, true, {Reduction::logsumexp}).verdict == Verdict::violated);
}

TEST_CASE("what a reduction lost does not come back by adding the right value") {
  // max(m_0, m_1) of the parts of a sum, plus m
  ProgramWorld w(2);
  const TermId x = w.term_of("x", 2);
  const TensorId parts = w.parts("x", w.all, x);
  const TensorId lost = w.tensor("lost");
  w.collective(OpKind::all_reduce, parts, lost, w.complete(w.all, {x})).reduction = Reduction::max;
  w.all_reduce(parts, w.all, x);
  Operation& add = w.op(OpKind::add);
  add.in = {{parts, SpecId::none()}, {lost, SpecId::none()}};
  add.out = {{parts, w.complete(w.all, {x})}};
  w.require(parts, w.complete(w.all, {x}));
  const CheckResult result = checked(w.take());
  CHECK(only(result).code == Code::missing_reduction);
}

TEST_CASE("zero is no neutral element of a maximum") {
  // rank 0 holds max of its keys, rank 1 zeros: max(m, 0)
  ProgramWorld w(2);
  const TermId x = w.term_of("x", 1, Reduction::max);
  const TensorId t = w.input("x", w.all, x);
  Operation& scale = w.op(OpKind::scale);
  scale.in = {{t, SpecId::none()}};
  scale.out = {{t, w.complete(w.all, {x})}};
  scale.factor = 0;
  scale.ranks = RankSet::range(1, 1);
  w.collective(OpKind::all_reduce, t, t, w.complete(w.all, {x})).reduction = Reduction::max;
  w.require(t, w.complete(w.all, {x}));
  CHECK(checked(w.take()).verdict == Verdict::violated);
}

TEST_CASE("adding different shares of a maximum is not their maximum") {
  ProgramWorld w(2);
  const TermId x = w.term_of("x", 2, Reduction::max);
  const TensorId a =
      w.computed("a", w.complete(w.all, {x}), {x, GroupId::none(), GroupId::none(), 2, 1});
  Plan plan = w.take();
  plan.placements.push_back({"first", {{{{0, 1}}}, {0, 0}}});
  plan.placements.push_back({"last", {{{{1, 2}}}, {0, 0}}});
  Operation half = plan.operations.front();
  half.produces.front().units = 1;
  half.produces.front().placement = PlacementId{0};
  plan.operations.front() = half;
  plan.tensors.push_back({"b", "b", "hidden", "bfloat16"});
  const TensorId b{static_cast<std::int32_t>(plan.tensors.size()) - 1};
  half.produces.front().placement = PlacementId{1};
  half.out.front().tensor = b;
  plan.operations.push_back(half);
  Operation add;
  add.kind = OpKind::add;
  add.name = "add";
  add.site = half.site;
  add.in = {{a, SpecId::none()}, {b, SpecId::none()}};
  add.out = {{a, half.out.front().declared}};
  plan.operations.push_back(add);
  Operation require;
  require.kind = OpKind::require;
  require.name = "require";
  require.site = half.site;
  require.in = {{a, half.out.front().declared}};
  plan.operations.push_back(require);
  CHECK(checked(plan).verdict == Verdict::violated);
  plan.terms.front().combine = Reduction::sum;
  CHECK(checked(plan).verdict == Verdict::holds);
}

TEST_CASE("members that reduce differently mismatch") {
  ProgramWorld w(2);
  const TermId x = w.term_of("x");
  const TensorId t = w.input("x", w.all, x);
  w.all_reduce(t, w.all, x);
  w.all_reduce(t, w.all, x);
  Plan plan = w.take();
  plan.operations[1].ranks = RankSet::range(0, 1);
  plan.operations[2].ranks = RankSet::range(1, 1);
  plan.operations[2].reduction = Reduction::max;
  CHECK(only(checked(plan)).message ==
        "collective mismatch in all_reduce over tp: rank 0 calls with reduction sum, rank 1 with "
        "max");
}

TEST_CASE("a partial maximum that is not what was said is repaired to one that the sum completes") {
  for (const Reduction r : {Reduction::sum, Reduction::max, Reduction::logsumexp}) {
    ProgramWorld w(2);
    const TermId x = w.term_of("x", 2, r);
    const TensorId t = w.tensor("x");
    w.require(t, w.partial(w.all, {x}));
    w.collective(OpKind::all_reduce, t, t, w.complete(w.all, {x})).reduction = r;
    w.require(t, w.complete(w.all, {x}));
    CHECK(only(checked(w.take())).code == Code::undefined_rows);
  }
}

TEST_CASE("members with other rows mismatch although the first member has no tensor") {
  // Rank 0 brings nothing, rank 1 two rows, rank 2 three: whatever is summed, 2 is not 3.
  SmallWorld w({0, 2, 3});
  const TermId x = w.term("x", TermKind::other);
  const TensorId t = w.tensor("x");
  Operation& made = w.op(OpKind::compute);
  made.ranks = RankSet::range(1, 2);
  made.out = {{t, w.complete(w.own, {x})}};
  made.produces = {{x, GroupId::none(), GroupId::none(), 1, 1}};
  w.all_reduce(t, w.all, x);
  const CheckResult result = checked(w.take());
  CHECK(only(result).code == Code::collective_mismatch);
  CHECK(result.stopped_at == 1);
}

TEST_CASE("what is repaired from zero completes by its own reduction") {
  // 0 m_r on every rank is put right to: m and 0, m + 0 = m; m and m, max(m, m) = m;
  // m_0 and m_1, log(exp m_0 + exp m_1) = m. Of m and 0 the last two would be max(m, 0) and
  // log(exp m + 1): a second fault that nobody made.
  for (const Reduction r : {Reduction::sum, Reduction::max, Reduction::logsumexp}) {
    CAPTURE(static_cast<int>(r));
    ProgramWorld w(2);
    const TermId x = w.term_of("x", 2, r);
    const TensorId t = w.parts("x", w.all, x);
    Operation& scale = w.op(OpKind::scale);
    scale.in = {{t, SpecId::none()}};
    scale.out = {{t, w.partial(w.all, {x})}};
    scale.factor = 0;
    w.require(t, w.partial(w.all, {x}));
    w.collective(OpKind::all_reduce, t, t, w.complete(w.all, {x})).reduction = r;
    w.require(t, w.complete(w.all, {x}));
    const CheckResult result = checked(w.take());
    CHECK(only(result).consumer.index == 2);
    CHECK(result.obligations.back().met);
  }
}

}  // namespace
}  // namespace lockstep::contract
