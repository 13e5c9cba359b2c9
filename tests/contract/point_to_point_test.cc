// Sends and receives: who meets whom, who waits for ever.
#include "tests/contract/program_world.h"

namespace lockstep::contract {
namespace {

using test::checked;
using test::only;
using test::ProgramWorld;

// Rank 0 makes x of all rows and sends it; rank 1 receives it from `from` as `rows` and must have
// it.
Plan pipeline(bool received_first, int from = 0) {
  ProgramWorld w(2);
  const TermId x = w.term_of("x");
  const TensorId t = w.input("x", w.all, x);
  const TensorId y = w.tensor("y");
  const SpecId spec = w.complete(w.all, {x});
  if (received_first) w.on(w.recv(y, spec, from), 1);
  w.on(w.send(t, 1), 0);
  if (!received_first) w.on(w.recv(y, spec, from), 1);
  w.require(y, spec);
  Plan plan = w.take();
  plan.operations[0].ranks = RankSet::range(0, 1);
  plan.operations.back().ranks = RankSet::range(1, 1);
  return plan;
}

TEST_CASE("a receiver has what the sender held, whichever line stands first") {
  CHECK(checked(pipeline(false)).verdict == Verdict::holds);
  CHECK(checked(pipeline(true)).verdict == Verdict::holds);
}

TEST_CASE("a wrong value is blamed on its maker, before the send") {
  Plan plan = pipeline(false);
  plan.operations[0].produces[0].coefficient = 2;
  const CheckResult result = checked(plan);
  CHECK(only(result).code == Code::double_reduction);
  CHECK(only(result).operation.index == 0);
}

TEST_CASE("a peer that is no member is the caller's bug, and those who wait for it a consequence") {
  const CheckResult result = checked(pipeline(false, 4));
  CHECK(only(result).code == Code::collective_mismatch);
  CHECK(only(result).message ==
        "collective mismatch in recv over tp: rank 1 calls recv with peer 4 of a group of 2");
  CHECK(to_string(only(result).ranks) == "1");
  CHECK(only(checked(pipeline(false, -1))).code == Code::collective_mismatch);
  CHECK(only(checked(pipeline(false, 1))).message ==
        "collective mismatch in recv over tp: rank 1 calls recv with itself, peer 1 of a group of "
        "2");
}

TEST_CASE("ends of different types mismatch") {
  Plan plan = pipeline(false);
  plan.tensors[1].dtype = "float32";
  CHECK(only(checked(plan)).message ==
        "collective mismatch in send over tp: rank 0 sends data type bfloat16, rank 1 receives "
        "float32");
}

// Both send to the other and receive from it, in the order that `first` says for each rank.
CheckResult exchanged(OpKind first_of_0, OpKind first_of_1) {
  ProgramWorld w(2);
  const TermId x = w.term_of("x");
  const TensorId t = w.input("x", w.own, x);
  const LayoutId other = w.builder().layout("other", {{{2, 2}}, {{0, 2}}});
  const TensorId y = w.tensor("y");
  for (int half = 0; half < 2; ++half) {
    for (int rank = 0; rank < 2; ++rank) {
      const bool sends = (rank == 0 ? first_of_0 : first_of_1) == OpKind::send;
      if (sends == (half == 0)) {
        w.on(w.send(t, 1 - rank), rank);
      } else {
        w.on(w.recv(y, w.complete(other, {x}), 1 - rank), rank);
      }
    }
  }
  w.require(y, w.complete(other, {x}));
  return checked(w.take());
}

TEST_CASE("two ranks that both send first wait for each other") {
  const CheckResult result = exchanged(OpKind::send, OpKind::send);
  CHECK(only(result).code == Code::deadlock);
  CHECK(only(result).message ==
        "deadlock: rank 0 waits in send over tp for rank 1, which waits at operation 2 (send)");
  REQUIRE(only(result).cycle.size() == 2);
  CHECK(only(result).cycle[0].name == "ranks 0 wait for ranks 1");
  CHECK(only(result).cycle[0].index == 1);
  CHECK(only(result).cycle[1].name == "ranks 1 wait for ranks 0");
  CHECK(only(result).cycle[1].index == 2);
  CHECK(exchanged(OpKind::recv, OpKind::recv).violations.front().code == Code::deadlock);
}

TEST_CASE("one that sends first and one that receives first exchange") {
  CHECK(exchanged(OpKind::send, OpKind::recv).verdict == Verdict::holds);
  CHECK(exchanged(OpKind::recv, OpKind::send).verdict == Verdict::holds);
}

// Every rank passes its rows to the next `steps` times, in place.
Plan ring(int ranks, int steps, bool closed = true) {
  ProgramWorld w(ranks, ranks);
  const TermId x = w.term_of("x");
  const TensorId t = w.input("x", w.own, x);
  std::vector<RowMap> rows;
  for (int rank = 0; rank < ranks; ++rank) rows.push_back({{(rank + ranks - steps) % ranks, 1}});
  if (!closed) rows = {{{0, 1}}, {{0, 1}}, {{1, 1}}};
  const LayoutId shifted = w.builder().layout("shifted", rows);
  for (int step = 0; step < steps; ++step) {
    Operation& o = w.collective(OpKind::send_recv, t, t, w.complete(shifted, {x}));
    for (int rank = 0; rank < ranks; ++rank) {
      o.to.push_back(closed || rank + 1 < ranks ? (rank + 1) % ranks : -1);
      o.from.push_back(closed || rank > 0 ? (rank + ranks - 1) % ranks : -1);
    }
  }
  w.require(t, w.complete(shifted, {x}));
  return w.take();
}

TEST_CASE("a ring shifts the rows by one a step") {
  // after k steps rank r holds the rows of rank r - k
  for (const int steps : {1, 2, 3}) CHECK(checked(ring(4, steps)).verdict == Verdict::holds);
  Plan once_more = ring(4, 2);
  once_more.operations.insert(once_more.operations.begin() + 1, once_more.operations[1]);
  CHECK(only(checked(once_more)).code == Code::wrong_rows);
}

TEST_CASE("an open chain leaves out the halves of its ends; the first keeps what it has") {
  CHECK(checked(ring(3, 1, false)).verdict == Verdict::holds);
}

TEST_CASE("a ring that one rank leaves is a deadlock of all") {
  Plan plan = ring(4, 1);
  plan.operations[1].ranks = RankSet::range(0, 3);
  plan.operations[2].ranks = RankSet::range(0, 3);
  const CheckResult result = checked(plan);
  CHECK(only(result).code == Code::deadlock);
  // rank 1 has met both its peers
  CHECK(only(result).cycle.size() == 2);
}

TEST_CASE("a send_recv meets a send and a recv of others") {
  // rank 0 sends to 1, which passes what it had to 2, which receives
  ProgramWorld w(3, 3);
  const TermId x = w.term_of("x");
  const TensorId t = w.input("x", w.own, x);
  const LayoutId moved = w.builder().layout("moved", {{{0, 1}}, {{0, 1}}, {{1, 1}}});
  w.on(w.recv(t, w.complete(moved, {x}), 1), 2);
  Operation& both = w.on(w.collective(OpKind::send_recv, t, t, w.complete(moved, {x})), 1);
  both.to = {2};
  both.from = {0};
  w.on(w.send(t, 1), 0);
  w.require(t, w.complete(moved, {x}));
  CHECK(checked(w.take()).verdict == Verdict::holds);
}

TEST_CASE("a value that was received is followed back through both ends") {
  // the wrong sum on rank 0 goes to rank 1
  ProgramWorld w(2);
  const TermId x = w.term_of("x", 2);
  const TensorId t = w.parts("x", w.all, x);
  w.all_reduce(t, w.all, x);
  w.all_reduce(t, w.all, x);
  const TensorId y = w.tensor("y");
  w.on(w.send(t, 1), 0);
  w.on(w.recv(y, w.complete(w.all, {x}), 0), 1);
  w.on(w.op(OpKind::require), 1).in = {{y, w.complete(w.all, {x})}};
  const CheckResult result = checked(w.take());
  CHECK(only(result).code == Code::double_reduction);
  CHECK(only(result).operation.index == 2);
}

TEST_CASE("a partial operand is judged when all its holders have come to it") {
  // rank 1 writes its part only after it has received, and rank 0 sends only after the product
  ProgramWorld w(2);
  const TermId x = w.term_of("x", 2);
  const TermId go = w.term_of("go");
  const TensorId token = w.input("go", w.all, go);
  const TensorId got = w.tensor("got");
  w.on(w.recv(got, w.complete(w.all, {go}), 0), 1);
  const TensorId parts = w.parts("x", w.all, x);
  const TermId y = w.term_of("y", 2);
  const TensorId t = w.product(parts, w.partial(w.all, {x}), w.partial(w.all, {y}), y);
  w.on(w.send(token, 1), 0);
  w.all_reduce(t, w.all, y);
  w.require(t, w.complete(w.all, {y}));
  const CheckResult result = checked(w.take());
  CHECK(result.verdict == Verdict::holds);
  CHECK(result.obligations.size() == 2);
}

}  // namespace
}  // namespace lockstep::contract
