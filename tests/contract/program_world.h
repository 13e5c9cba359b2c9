// Small hand-written programs for tests: what the kinds of sim/plan/operation.h that stand last do.
#pragma once

#include <doctest/doctest.h>

#include <string>
#include <utility>
#include <vector>

#include "tests/contract/small_world.h"

namespace lockstep::test {

// The result, which must be the same on forms and rank by rank, and nothing that overflows.
inline contract::CheckResult checked(const Plan& plan) {
  const std::vector<std::string> faults = validate(plan);
  REQUIRE_MESSAGE(faults.empty(), (faults.empty() ? "" : faults.front()));
  contract::Options exactly;
  exactly.exact = true;
  contract::CheckResult told = contract::check(plan);
  const contract::CheckResult exact = contract::check(plan, exactly);
  CHECK(told.verdict == exact.verdict);
  CHECK(told.verdict != contract::Verdict::unknown);
  CHECK(told.obligations == exact.obligations);
  CHECK(told.stopped_at == exact.stopped_at);
  REQUIRE(told.violations.size() == exact.violations.size());
  for (std::size_t i = 0; i < told.violations.size(); ++i) {
    const contract::Violation& a = told.violations[i];
    const contract::Violation& b = exact.violations[i];
    CHECK(a.code == b.code);
    CHECK(a.message == b.message);
    CHECK(a.ranks == b.ranks);
    CHECK(a.factor == b.factor);
    CHECK(a.coefficients == b.coefficients);
    CHECK(a.operation == b.operation);
  }
  contract::Options propagating;
  propagating.propagate = true;
  CHECK(contract::check(plan, propagating).verdict == told.verdict);
  return told;
}

inline const contract::Violation& only(const contract::CheckResult& result) {
  REQUIRE(result.violations.size() == 1);
  return result.violations.front();
}

// Ranks that all hold the same `tokens` tokens.
class ProgramWorld : public SmallWorld {
 public:
  explicit ProgramWorld(int ranks, std::int64_t tokens = 4)
      : SmallWorld(counts(ranks, tokens)), ranks_(ranks) {}

  TermId term_of(const std::string& name, int shares = 1, Reduction combine = Reduction::sum,
                 TermKind kind = TermKind::other) {
    return builder().term({name, kind, 0, -1, 0, shares, combine, TermId::none()});
  }
  SpecId sliced(LayoutId rows, std::vector<TermId> terms) {
    return builder().spec({rows, std::move(terms), GroupId::none(), tp});
  }
  Operation& on(Operation& op, int rank) {
    op.ranks = RankSet::range(rank, 1);
    return op;
  }
  // An input of the program: every rank holds all of `t`.
  TensorId input(const std::string& name, LayoutId rows, TermId t) {
    return computed(name, complete(rows, {t}), {t, GroupId::none(), GroupId::none(), 1, 1});
  }
  // Rank r holds share r of `t`.
  TensorId parts(const std::string& name, LayoutId rows, TermId t) {
    return computed(name, partial(rows, {t}), {t, tp, GroupId::none(), ranks_, 1});
  }
  // y = W of, with a share per member of tp.
  TensorId product(TensorId of, SpecId owed, SpecId declared, TermId y) {
    const TensorId result = tensor("y");
    Operation& o = op(OpKind::linear);
    o.in = {{of, owed}};
    o.produces = {{y, tp, GroupId::none(), 2, 1}};
    o.out = {{result, declared}};
    return result;
  }
  TensorId computed(const std::string& name, SpecId declared, Production production) {
    const TensorId x = tensor(name);
    Operation& o = op(OpKind::compute);
    o.out = {{x, declared}};
    o.produces = {production};
    return x;
  }
  Operation& collective(OpKind kind, TensorId from, TensorId to, SpecId declared) {
    Operation& o = op(kind);
    o.in = {{from, SpecId::none()}};
    o.out = {{to, declared}};
    o.group = tp;
    return o;
  }
  Operation& send(TensorId x, int to) {
    Operation& o = op(OpKind::send);
    o.in = {{x, SpecId::none()}};
    o.group = tp;
    o.to = {to};
    return o;
  }
  Operation& recv(TensorId x, SpecId declared, int from) {
    Operation& o = op(OpKind::recv);
    o.out = {{x, declared}};
    o.group = tp;
    o.from = {from};
    return o;
  }

 private:
  static std::vector<std::int64_t> counts(int ranks, std::int64_t tokens) {
    std::vector<std::int64_t> each(static_cast<std::size_t>(ranks), tokens / ranks);
    each.front() += tokens % ranks;
    return each;
  }
  int ranks_;
};

}  // namespace lockstep::test
