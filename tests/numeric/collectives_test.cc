// The contracts of section 7.2 of the reference sheet, by numbers small enough to add in one's
// head.
#include "backend/numeric/collectives.h"

#include <doctest/doctest.h>

#include <cmath>

#include "backend/numeric/rendezvous.h"
#include "tests/numeric/collective.h"
#include "tests/numeric/held.h"
#include "tests/numeric/transformer.h"

namespace lockstep::test {
namespace {

using numeric::Held;
using Members = std::vector<Held>;
using Rows = std::vector<float>;

// What each member receives.
Members all_reduce(const Members& members, Reduction reduction = Reduction::sum) {
  return Collective{.kind = OpKind::all_reduce, .passed = members, .reduction = reduction}.run();
}
Members reduce_scatterv(const Members& members, const std::vector<std::int64_t>& sizes) {
  return Collective{.kind = OpKind::reduce_scatterv, .passed = members, .sizes = sizes}.run();
}
Members all_gather(const Members& members, Axis axis) {
  return Collective{.kind = OpKind::all_gather, .passed = members, .axis = axis}.run();
}

TEST_CASE("all_reduce of partial values completes them: m_0 = 1, m_1 = 2, D = m_0 + m_1 = 3") {
  const std::vector<Held> members{column({1}), column({2})};
  const std::vector<Held> result = all_reduce(members);
  CHECK(elements(result[0]) == Rows{3});
  CHECK(elements(result[1]) == Rows{3});
}

TEST_CASE("all_reduce of complete values multiplies by the group: n = 2, C = 3, W(2) = 2 * 3 = 6") {
  const std::vector<Held> members{column({3}), column({3})};
  CHECK(elements(all_reduce(members)[0]) == Rows{6});
}

TEST_CASE("reduce_scatterv gives each member its rows of the sum") {
  // Rows of m_0 + m_1: 1+10, 2+20, 3+30; sizes 1 and 2.
  const std::vector<Held> members{column({1, 2, 3}), column({10, 20, 30})};
  const std::vector<std::int64_t> sizes{1, 2};
  const std::vector<Held> result = reduce_scatterv(members, sizes);
  CHECK(elements(result[0]) == Rows{11});
  CHECK(elements(result[1]) == Rows{22, 33});
}

TEST_CASE("reduce_scatterv of complete values doubles them: n = 2, 3 + 3 = 2 * 3 = 6") {
  const std::vector<Held> members{column({3, 3}), column({3, 3})};
  const std::vector<std::int64_t> sizes{1, 1};
  const std::vector<Held> result = reduce_scatterv(members, sizes);
  CHECK(elements(result[0]) == Rows{6});
  CHECK(elements(result[1]) == Rows{6});
}

TEST_CASE("dp_gather: zero-filled buffers with disjoint rows sum to everybody's rows") {
  // off = (0, 1): rank 0 writes row 0, rank 1 rows 1 and 2; 5+0, 0+6, 0+7.
  const RowMoves first{3, {{0, 0, 1}}};
  const RowMoves second{3, {{0, 1, 2}}};
  const std::vector<Held> members{
      numeric::copied_rows(column({5}), nullptr, first, Fill::zero, {0, 1}),
      numeric::copied_rows(column({6, 7}), nullptr, second, Fill::zero, {0, 1})};
  CHECK(elements(all_reduce(members)[1]) == Rows{5, 6, 7});
}

TEST_CASE("dp_gather_partial of replicated rows multiplies them: both write row 0, 5 + 5 = 10") {
  const RowMoves moves{1, {{0, 0, 1}}};
  const Held placed = numeric::copied_rows(column({5}), nullptr, moves, Fill::zero, {0, 1});
  const std::vector<Held> members{placed, placed};
  CHECK(elements(all_reduce(members)[0]) == Rows{10});
}

TEST_CASE("dp_scatter of a partial sum loses the others' terms: rank 0 keeps 1 of 1 + 2") {
  const RowMoves own{1, {{0, 0, 1}}};
  CHECK(elements(numeric::copied_rows(column({1, 4}), nullptr, own, Fill::zero, {0, 1})) ==
        Rows{1});
}

TEST_CASE("all_gather concatenates rows in group order, also unequal ones") {
  const std::vector<Held> members{column({1}), column({2, 3})};
  CHECK(elements(all_gather(members, Axis::rows)[0]) == Rows{1, 2, 3});
}

TEST_CASE("all_gather along columns puts slices side by side and joins what continues") {
  numeric::Matrix<float> right(1, 2);
  right(0, 0) = 8;
  right(0, 1) = 9;
  const std::vector<Held> members{column({7}), numeric::make_held({{1, 3}}, right)};
  const Held all = all_gather(members, Axis::columns)[0];
  CHECK(elements(all) == Rows{7, 8, 9});
  CHECK(all->columns == std::vector<numeric::Interval>{{0, 3}});
  const std::vector<Held> swapped{members[1], members[0]};
  CHECK(all_gather(swapped, Axis::columns)[0]->columns.size() == 2);
}

TEST_CASE("a member that never wrote its tensor makes the sum undefined") {
  const std::vector<Held> members{column({1, 2}), nullptr};
  for (const float v : elements(all_reduce(members)[0])) CHECK(std::isnan(v));
  CHECK(all_reduce({nullptr, nullptr})[0] == nullptr);
}

TEST_CASE("other reductions of 1 and 2: average 1.5, maximum 2, logsumexp log(e + e^2)") {
  const std::vector<Held> members{column({1}), column({2})};
  const auto all = [&](Reduction how) { return elements(all_reduce(members, how)[1]); };
  CHECK(all(Reduction::average) == Rows{1.5F});
  CHECK(all(Reduction::max) == Rows{2});
  CHECK(all(Reduction::logsumexp)[0] ==
        doctest::Approx(std::log(std::exp(1.0) + std::exp(2.0))).epsilon(1e-6));
}

TEST_CASE("what is undefined is no smaller than a number: its maximum with 1 is undefined") {
  const std::vector<Held> members{column({1}), column({std::nanf("")})};
  for (const Reduction how : {Reduction::max, Reduction::logsumexp, Reduction::average}) {
    CHECK(std::isnan(elements(all_reduce(members, how)[0])[0]));
  }
}

TEST_CASE("reduce: the root has 1 + 2 = 3, the other nothing, or in place what it had") {
  Collective c{.kind = OpKind::reduce, .passed = {column({1}), column({2})}, .root = 1};
  CHECK(std::isnan(elements(c.run()[0])[0]));
  CHECK(elements(c.run()[1]) == Rows{3});
  c.in_place = true;
  CHECK(c.run()[0] == c.passed[0]);
  CHECK(elements(c.run()[1]) == Rows{3});
}

TEST_CASE("all_to_all: the first of each for rank 0; what was never written is undefined") {
  const Collective all{.kind = OpKind::all_to_all, .passed = {column({1, 2}), column({3, 4})}};
  CHECK(elements(all.run()[0]) == Rows{1, 3});
  CHECK(elements(all.run()[1]) == Rows{2, 4});
  const Collective half{.kind = OpKind::all_to_all, .passed = {column({1, 2}), nullptr}};
  const Rows received = elements(half.run()[1]);
  REQUIRE(received.size() == 2);
  CHECK(received[0] == 2);
  CHECK(std::isnan(received[1]));
}

// ---- which calls fit together -----------------------------------------------------------------

struct TwoCalls {
  Plan plan = transformer({});
  std::vector<numeric::Call> calls;

  TwoCalls(std::int64_t rows_0, std::int64_t rows_1) {
    const int op = operations_of(plan, OpKind::all_reduce).front();
    calls = {{0, op, rows_0}, {1, op, rows_1}};
  }
  Operation& op(std::size_t call) {
    return plan.operations[static_cast<std::size_t>(calls[call].operation)];
  }
  std::string why() const { return numeric::mismatch(plan, calls); }
};

TEST_CASE("equal calls fit; calls with other rows, kinds or data types do not") {
  TwoCalls equal(5, 5);
  CHECK(equal.why() == "");
  CHECK(TwoCalls(5, 4).why() == "ranks 0 call with 5 rows, ranks 1 call with 4 rows");
  CHECK(TwoCalls(5, -1).why() == "");  // unwritten memory has no wrong size
  TwoCalls kinds(5, 5);
  kinds.calls[1].operation = operations_of(kinds.plan, OpKind::all_gather).front();
  CHECK(kinds.why() ==
        "ranks 0 call all_reduce of bfloat16 hidden, "
        "ranks 1 call all_gather of bfloat16 vocab along columns");
  TwoCalls types(5, 5);
  types.plan.tensors.push_back({"other", "other", "hidden", "float32"});
  Operation other = types.op(0);
  other.in[0].tensor = TensorId{static_cast<std::int32_t>(types.plan.tensors.size()) - 1};
  types.plan.operations.push_back(other);
  types.calls[1].operation = static_cast<int>(types.plan.operations.size()) - 1;
  CHECK(types.why() ==
        "ranks 0 call all_reduce of bfloat16 hidden, ranks 1 call all_reduce of float32 hidden");
}

TEST_CASE("reduce_scatter refuses 5 rows over 2 ranks, since 5 % 2 = 1") {
  TwoCalls odd(5, 5);
  odd.op(0).kind = OpKind::reduce_scatter;
  CHECK(odd.why() == "rank 0 calls reduce_scatter with 5 rows, no multiple of 2 ranks");
}

TEST_CASE("sizes must be one per member and add up to the rows: 3 + 2 = 5") {
  TwoCalls good(5, 5);
  good.op(0).kind = OpKind::reduce_scatterv;
  good.op(0).sizes = SizesId{0};
  CHECK(good.plan.sizes[0].sizes == std::vector<std::int64_t>{3, 2});
  CHECK(good.why() == "");
  TwoCalls sum = good;
  sum.plan.sizes[0].sizes = {3, 3};
  CHECK(sum.why() == "rank 0 calls reduce_scatterv with 5 rows, its sizes say 6");
  TwoCalls length = good;
  length.plan.sizes[0].sizes = {5};
  CHECK(length.why() == "rank 0 passes 1 sizes to reduce_scatterv over 2 ranks");
  TwoCalls gather = good;
  gather.op(0).kind = OpKind::all_gatherv;
  gather.calls[0].rows = 3;
  gather.calls[1].rows = 2;
  CHECK(gather.why() == "");
  gather.calls[1].rows = 3;
  CHECK(gather.why() == "rank 1 calls all_gatherv with 3 rows, its sizes say 2");
}

TEST_CASE("groups with the same object and members are one communicator, others are not") {
  Plan plan = transformer({});  // two ranks: tp and moe_ep are the same object, attn_tp is not
  numeric::Rendezvous meeting(plan);
  CHECK(meeting.arrive(GroupId{0}, {1, 7, 5}).empty());
  REQUIRE(meeting.waiting().size() == 1);
  CHECK(meeting.waiting()[0].absent == std::vector<int>{0});
  CHECK(meeting.arrive(GroupId{1}, {0, 3, 5}).size() == 1);  // alone in its part: no partner
  const std::vector<numeric::Call> calls = meeting.arrive(GroupId{2}, {0, 9, 5});
  REQUIRE(calls.size() == 2);
  CHECK(calls[0].operation == 9);
  CHECK(calls[1].operation == 7);
  CHECK(meeting.waiting().empty());
}

}  // namespace
}  // namespace lockstep::test
