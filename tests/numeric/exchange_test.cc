// Collectives from tensors to tensors: against their definition, and among processes against all in
// one process, to the last bit.
#include "backend/numeric/exchange.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "tests/numeric/collective.h"
#include "tests/numeric/held.h"

namespace lockstep::test {
namespace {

using numeric::Algorithm;
using numeric::Held;
using numeric::Storage;
using Rows = std::vector<float>;

const std::vector<OpKind> kKinds{
    OpKind::all_reduce,  OpKind::reduce_scatter, OpKind::reduce_scatterv, OpKind::combine,
    OpKind::all_gather,  OpKind::all_gatherv,    OpKind::dispatch,        OpKind::all_to_all,
    OpKind::all_to_allv, OpKind::reduce,         OpKind::broadcast};

// Calls `check` with drawn collectives of every kind among 1 to 9, 16 and 17 members.
template <class Check>
void for_all_collectives(Check check) {
  Random random(5);
  for (const OpKind kind : kKinds) {
    for (const int members : {1, 2, 3, 4, 5, 6, 7, 8, 9, 16, 17}) {
      for (int draw = 0; draw < 12; ++draw) {
        INFO(to_string(kind), " among ", members, ", draw ", draw);
        check(draw_collective(random, kind, members, 24));
      }
    }
  }
}

// What rounding may do to a sum over the members: one unit of the storage for each addition, of the
// largest that is added (below 9 in size) or comes out.
double allowed(const Collective& c, double expected) {
  const bool exact = !sums(c.kind) || c.reduction == Reduction::max;
  if (exact || c.passed.size() == 1) return 0;
  const auto members = static_cast<double>(c.passed.size());
  return members * numeric::unit_roundoff(c.storage) * (9 * members + std::abs(expected));
}

bool agrees(const Collective& c, std::size_t member, const Expected& expected,
            const Held& received) {
  if (expected.passed) return received == c.passed[member];
  if (!expected.written || !received) return !expected.written && !received;
  const bool same_shape = received->values.rows() == expected.values.rows() &&
                          received->values.columns() == expected.values.columns();
  if (!same_shape) return false;
  for (std::int64_t r = 0; r < expected.values.rows(); ++r) {
    for (std::int64_t k = 0; k < expected.values.columns(); ++k) {
      const double want = expected.values(r, k);
      const auto have = static_cast<double>(received->values(r, k));
      const bool both_undefined = std::isnan(want) && std::isnan(have);
      if (!both_undefined && !(std::abs(want - have) <= allowed(c, want))) return false;
    }
  }
  return true;
}

TEST_CASE("every collective is what its definition says: movements and maxima to the bit") {
  for_all_collectives([](const Collective& c) {
    const std::vector<Expected> expected = as_defined(c);
    const std::vector<Held> received = c.run();
    REQUIRE(received.size() == c.passed.size());
    for (std::size_t m = 0; m < received.size(); ++m) {
      CHECK(agrees(c, m, expected[m], received[m]));
    }
  });
}

TEST_CASE("members that send messages have what members in one process have, to the last bit") {
  for_all_collectives([](const Collective& c) {
    const std::vector<Held> here = c.run();
    const std::vector<Held> apart = by_messages(c);
    for (std::size_t m = 0; m < here.size(); ++m) CHECK(same_bits(here[m], apart[m]));
  });
}

TEST_CASE("the columns of a result are those of the member that counts") {
  Random random(11);
  for (int draw = 0; draw < 200; ++draw) {
    const Collective c = draw_collective(random, OpKind::all_to_all, 3, 9);
    const auto wrote = std::ranges::find_if(c.passed, [](const Held& h) { return h != nullptr; });
    if (wrote != c.passed.end()) CHECK(c.run()[2]->columns == (*wrote)->columns);
  }
}

TEST_CASE("a large all_reduce goes round the ring and still gives all members the same bits") {
  Random random(3);
  for (const int members : {2, 3, 4, 5, 8, 16}) {
    Collective c{.kind = OpKind::all_reduce};
    for (int m = 0; m < members; ++m) {
      numeric::Matrix<float> values(2100, 8);
      for (std::int64_t r = 0; r < values.rows(); ++r) {
        for (float& v : values.row(r)) v = static_cast<float>(random.below(2001) - 1000) / 77.0F;
      }
      c.passed.push_back(numeric::make_held({{0, 8}}, std::move(values)));
    }
    CHECK(c.exchange().pattern().algorithm == Algorithm::ring);
    const std::vector<Expected> expected = as_defined(c);
    const std::vector<Held> apart = by_messages(c);
    const Held here = c.run().front();
    CHECK(agrees(c, 0, expected[0], here));
    for (const Held& one : apart) CHECK(same_bits(one, here));
  }
}

TEST_CASE("members share one tensor where all receive the same") {
  for_all_collectives([](const Collective& c) {
    if (!c.exchange().all_receive_the_same()) return;
    const std::vector<Held> received = c.run();
    for (const Held& one : received) CHECK(one == received.front());
  });
}

TEST_CASE("the root of a broadcast, and who sums alone, keep the tensor that they passed") {
  const Held own = column({1, 2});
  Collective c{.kind = OpKind::broadcast, .passed = {nullptr, own, column({3, 4})}, .root = 1};
  for (const Held& received : c.run()) CHECK(received == own);
  CHECK(by_messages(c)[1] == own);
  for (const OpKind kind : {OpKind::all_reduce, OpKind::reduce, OpKind::all_gather}) {
    const Collective alone{.kind = kind, .passed = {own}};
    CHECK(alone.run().front() == own);
    CHECK(by_messages(alone).front() == own);
  }
}

TEST_CASE("bytes: 10 elements in blocks of 3, 3 and 4: 2 * 10 - 3 - 3 = 14, of 4 or 2 bytes each") {
  const Held ten = column({1, 2, 3, 4, 5, 6, 7, 8, 9, 10});
  Collective c{.kind = OpKind::all_reduce, .passed = {ten, ten, ten}};
  CHECK(c.exchange().bytes_sent(0) == std::vector<std::int64_t>{0, 4 * 14, 0});
  c.storage = Storage::bfloat16;
  CHECK(c.exchange().bytes_sent(0) == std::vector<std::int64_t>{0, 2 * 14, 0});
}

TEST_CASE("bfloat16 rounds after each addition: 256 + 1 = 256, so 256 + 1 + 1 = 256") {
  // Round the ring among 3, block 0 starts at member 1: (1 + 1) + 256 = 258 is exact; were it
  // summed from member 0 on, it would be 256.
  Collective c{.kind = OpKind::all_reduce,
               .passed = {column({256, 1, 1}), column({1, 256, 1}), column({1, 1, 256})},
               .storage = Storage::bfloat16};
  CHECK(elements(c.run()[0]) == Rows{258, 258, 258});
  c.passed = {column({1, 1, 1}), column({256, 256, 256}), column({1, 1, 1})};
  // Block 0: (256 + 1) + 1; block 1: (1 + 1) + 256; block 2: (1 + 256) + 1.
  CHECK(elements(c.run()[2]) == Rows{256, 258, 256});
  CHECK(elements(by_messages(c)[1]) == Rows{256, 258, 256});
}

TEST_CASE("an average is divided once, at the end: (1 + 2 + 4) / 3, and kept as tensors are") {
  Collective c{.kind = OpKind::all_reduce,
               .passed = {column({1}), column({2}), column({4})},
               .reduction = Reduction::average};
  CHECK(elements(c.run()[0]) == Rows{7.0F * static_cast<float>(1.0 / 3)});
  c.storage = Storage::bfloat16;  // between 2 and 4 numbers are 2^-6 apart: 149 / 64, not 7 / 3
  CHECK(elements(c.run()[0]) == Rows{149.0F / 64});
}

TEST_CASE("an undefined element has the same bits everywhere, whoever's memory it was") {
  const float other_nan = -std::nanf("7");
  Collective c{.kind = OpKind::all_reduce, .passed = {column({other_nan}), column({1})}};
  for (const Held& received : by_messages(c)) CHECK(same_bits(received, column({std::nanf("")})));
}

TEST_CASE("the maximum of -0 and +0 is +0, whoever has which") {
  for (const Rows& zeros : {Rows{-0.0F, 0.0F}, Rows{0.0F, -0.0F}}) {
    const Collective c{.kind = OpKind::all_reduce,
                       .passed = {column({zeros[0]}), column({zeros[1]})},
                       .reduction = Reduction::max};
    for (const Held& received : by_messages(c)) CHECK(same_bits(received, column({0.0F})));
  }
}

TEST_CASE("what the shape of an unwritten tensor says beside counts for nothing") {
  Plan plan;
  Operation& op = plan.operations.emplace_back();
  op.kind = OpKind::all_gather;
  op.axis = Axis::columns;
  op.in = {{TensorId{0}, {}}};
  op.out = {{TensorId{1}, {}}};
  const std::vector<numeric::Call> calls{{0, 0, 1}, {1, 0, -1}};
  const std::vector<numeric::Shape> shapes{{true, 1, {{0, 1}}}, {false, 7, {{1, 9}}}};
  const numeric::Exchange exchange(plan, calls, 0, shapes, {}, Storage::float32);
  const std::vector<Held> passed{column({5}), nullptr};
  CHECK(same_bits(numeric::run(exchange, passed)[1], column({5})));
}

TEST_CASE("a barrier has turns and no tensors") {
  Plan plan;
  plan.operations.emplace_back().kind = OpKind::barrier;
  const std::vector<numeric::Call> calls{{0, 0, -1}, {1, 0, -1}, {2, 0, -1}};
  const numeric::Exchange barrier(plan, calls, 0, {}, {}, Storage::float32);
  CHECK(barrier.turns(1).size() == 2);
  CHECK(barrier.bytes_sent(1) == std::vector<std::int64_t>{0, 0, 0});
}

}  // namespace
}  // namespace lockstep::test
