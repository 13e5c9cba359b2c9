// The calls to NCCL that stand for a collective: carried out by the letter of NCCL's documentation
// they give what the replay's own algorithms give.
#include "backend/nccl/launch/nccl_call.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include "sim/plan/names.h"
#include "tests/nccl_host/nccl_interpreter.h"
#include "tests/numeric/collective.h"
#include "tests/numeric/held.h"

namespace lockstep::test {
namespace {

using nccl::LocalWork;
using nccl::NcclBuffer;
using nccl::NcclCall;
using nccl::NcclGroup;
using nccl::NcclKind;
using numeric::Held;

const std::vector<OpKind> kKinds{
    OpKind::all_reduce,  OpKind::reduce_scatter, OpKind::reduce_scatterv, OpKind::combine,
    OpKind::all_gather,  OpKind::all_gatherv,    OpKind::dispatch,        OpKind::all_to_all,
    OpKind::all_to_allv, OpKind::reduce,         OpKind::broadcast};

// Integers, so small that float32 keeps sums of 17 of them exact.
Held in_integers(const Held& held, float factor) {
  if (!held) return nullptr;
  numeric::Matrix<float> values = held->values;
  for (std::int64_t r = 0; r < values.rows(); ++r) {
    for (float& v : values.row(r)) v = std::isnan(v) ? v : std::floor(v * factor);
  }
  return numeric::make_held(held->columns, std::move(values));
}

Collective draw(Random& random, OpKind kind, int members) {
  Collective c = draw_collective(random, kind, members, 24);
  c.storage = numeric::Storage::float32;
  // exp(x) must not overflow, and there all digits count.
  const float factor = c.reduction == Reduction::logsumexp ? 1.0F : 1000.0F;
  for (Held& held : c.passed) held = in_integers(held, factor);
  return c;
}

// By the calls to NCCL.
std::vector<Held> by_nccl(const Collective& c) {
  const numeric::Exchange exchange = c.exchange();
  std::vector<std::vector<NcclGroup>> groups;
  std::vector<NcclBuffers> buffers;
  for (int m = 0; m < exchange.members(); ++m) {
    groups.push_back(nccl::nccl_groups(exchange, m));
    const std::vector<float> loaded = exchange.load(m, c.passed[static_cast<std::size_t>(m)]);
    buffers.push_back({{loaded.begin(), loaded.end()}, std::vector<double>(loaded.size())});
  }
  run_nccl(groups, buffers);
  std::vector<Held> received;
  for (int m = 0; m < exchange.members(); ++m) {
    std::vector<float> working;
    const auto at = static_cast<std::size_t>(m);
    for (const double w : buffers[at].working) working.push_back(static_cast<float>(w));
    received.push_back(exchange.unload(m, std::move(working), c.passed[at]));
  }
  return received;
}

// The replay keeps a float32 after each of its foldings: half a unit each, of what is there then,
// which is no more than the largest that is folded (9 in size, where logarithms are) or comes out.
double allowed(const Collective& c, float wanted) {
  if (!sums(c.kind) || c.reduction != Reduction::logsumexp) return 0;
  const auto members = static_cast<double>(c.passed.size());
  return members * 0x1p-24 * (9 + std::abs(static_cast<double>(wanted)));
}

bool agree(const Collective& c, const Held& wanted, const Held& have) {
  if (!wanted || !have) return !wanted && !have;
  if (wanted->columns != have->columns || wanted->values.rows() != have->values.rows())
    return false;
  for (std::int64_t r = 0; r < wanted->values.rows(); ++r) {
    for (std::int64_t k = 0; k < wanted->values.columns(); ++k) {
      const float a = wanted->values(r, k);
      const float b = have->values(r, k);
      const bool both_undefined = std::isnan(a) && std::isnan(b);
      const double difference = std::abs(static_cast<double>(a) - static_cast<double>(b));
      if (!both_undefined && !(difference <= allowed(c, a))) return false;
    }
  }
  return true;
}

template <class Check>
void for_all_collectives(Check check) {
  Random random(17);
  for (const OpKind kind : kKinds) {
    for (const int members : {1, 2, 3, 4, 5, 7, 8, 17}) {
      for (int i = 0; i < 30; ++i) {
        INFO(to_string(kind), " among ", members, ", draw ", i);
        check(draw(random, kind, members));
      }
    }
  }
}

TEST_CASE("the calls to NCCL make what the replay's own turns make, exactly where sums are exact") {
  for_all_collectives([](const Collective& c) {
    const std::vector<Held> wanted = c.run();
    const std::vector<Held> have = by_nccl(c);
    REQUIRE(wanted.size() == have.size());
    for (std::size_t m = 0; m < wanted.size(); ++m) CHECK(agree(c, wanted[m], have[m]));
  });
}

TEST_CASE("no call is without elements, and whoever is alone calls nothing") {
  for_all_collectives([](const Collective& c) {
    const numeric::Exchange exchange = c.exchange();
    for (int m = 0; m < exchange.members(); ++m) {
      const std::vector<NcclCall> calls = nccl::nccl_calls(exchange, m);
      CHECK(std::ranges::all_of(calls, [](const NcclCall& call) { return call.count > 0; }));
      if (exchange.members() == 1) CHECK(calls.empty());
    }
  });
}

Held rows_of(std::int64_t rows) {
  return numeric::make_held({{0, 4}}, numeric::Matrix<float>(rows, 4, 1.0F));
}

std::vector<std::string> texts(const std::vector<NcclCall>& calls) {
  std::vector<std::string> all;
  for (const NcclCall& call : calls) all.push_back(nccl::to_string(call));
  return all;
}

TEST_CASE("three rows of four elements for each of two members: one reduce_scatter of 3 * 4") {
  const Collective c{.kind = OpKind::reduce_scatter, .passed = {rows_of(6), rows_of(6)}};
  const std::vector<NcclCall> calls = nccl::nccl_calls(c.exchange(), 1);
  CHECK(texts(calls) == std::vector<std::string>{"reduce_scatter sum count=12"});
  CHECK(calls[0].in == 0);
  CHECK(calls[0].out == 12);  // in place: behind the block of member 0
}

TEST_CASE("blocks of 2, 0 and 5 rows: a reduce to the first and to the third, on every member") {
  Collective c{.kind = OpKind::reduce_scatterv, .passed = {rows_of(7), rows_of(7), rows_of(7)}};
  c.sizes = {2, 0, 5};
  for (int m = 0; m < 3; ++m) {
    const std::vector<NcclCall> calls = nccl::nccl_calls(c.exchange(), m);
    CHECK(texts(calls) ==
          std::vector<std::string>{"reduce sum count=8 root=0", "reduce sum count=20 root=2"});
    CHECK(calls[1].in == 8);
    CHECK(calls[1].out == 8);
  }
}

TEST_CASE("gathered blocks of 1 and 3 rows: a broadcast from each; equal ones: one all_gather") {
  Collective c{.kind = OpKind::all_gatherv, .passed = {rows_of(1), rows_of(3)}, .sizes = {1, 3}};
  CHECK(texts(nccl::nccl_calls(c.exchange(), 0)) ==
        std::vector<std::string>{"broadcast count=4 root=0", "broadcast count=12 root=1"});
  c.passed = {rows_of(2), rows_of(2)};
  c.sizes = {2, 2};
  const std::vector<NcclCall> calls = nccl::nccl_calls(c.exchange(), 1);
  CHECK(texts(calls) == std::vector<std::string>{"all_gather count=8"});
  CHECK(calls[0].in == 8);
  CHECK(calls[0].out == 0);
}

TEST_CASE("what a member has for itself does not travel: among three, two sends and two receives") {
  const Collective c{.kind = OpKind::all_to_all, .passed = {rows_of(3), rows_of(3), rows_of(3)}};
  const std::vector<NcclCall> calls = nccl::nccl_calls(c.exchange(), 1);
  CHECK(texts(calls) == std::vector<std::string>{"send count=4 peer=0", "recv count=4 peer=0",
                                                 "send count=4 peer=2", "recv count=4 peer=2"});
  CHECK(calls[2].in == 8);    // the third block that is sent
  CHECK(calls[3].out == 20);  // behind the 12 that are sent, the third that comes
}

TEST_CASE("a barrier is an all_reduce of one element") {
  Plan plan;
  plan.operations.emplace_back().kind = OpKind::barrier;
  const std::vector<numeric::Call> calls{{0, 0, -1}, {1, 0, -1}};
  const numeric::Exchange barrier(plan, calls, 0, {}, {}, numeric::Storage::float32);
  CHECK(texts(nccl::nccl_calls(barrier, 0)) == std::vector<std::string>{"all_reduce sum count=1"});
  CHECK(nccl::buffer_elements(barrier, 0) == 1);
}

TEST_CASE("a logsumexp is a maximum beside the buffer, then a sum of exponentials in it") {
  const Collective c{.kind = OpKind::reduce_scatter,
                     .passed = {rows_of(2), rows_of(2)},
                     .reduction = Reduction::logsumexp};
  const std::vector<NcclGroup> groups = nccl::nccl_groups(c.exchange(), 0);
  REQUIRE(groups.size() == 2);
  CHECK(groups[0].before == LocalWork::copy_to_scratch);
  CHECK(texts(groups[0].calls) == std::vector<std::string>{"all_reduce max count=8"});
  CHECK(groups[0].calls[0].buffer == NcclBuffer::scratch);
  CHECK(groups[1].before == LocalWork::exponentials);
  CHECK(texts(groups[1].calls) == std::vector<std::string>{"reduce_scatter sum count=4"});
  CHECK(groups[1].after == LocalWork::logarithms);
}

TEST_CASE("where nobody has anything nothing is reduced: log(exp(-inf) + exp(-inf)) = -inf") {
  const float nothing = -std::numeric_limits<float>::infinity();
  const Collective c{.kind = OpKind::all_reduce,
                     .passed = {column({nothing, nothing}), column({nothing, 3})},
                     .reduction = Reduction::logsumexp};
  CHECK(elements(by_nccl(c)[0]) == std::vector<float>{nothing, 3});
}

TEST_CASE("a maximum with something undefined is undefined, though NCCL takes the number") {
  const Collective c{.kind = OpKind::all_reduce,
                     .passed = {column({std::nanf(""), 1}), column({5, 2})},
                     .reduction = Reduction::max};
  const std::vector<float> have = elements(by_nccl(c)[1]);
  CHECK(std::isnan(have[0]));
  CHECK(have[1] == 2);
}

TEST_CASE("a message is sent from the front of the buffer, and one that comes stands behind it") {
  const std::vector<NcclCall> calls =
      nccl::nccl_calls(nccl::NcclMessage{1, 10}, nccl::NcclMessage{2, 4});
  CHECK(texts(calls) == std::vector<std::string>{"send count=10 peer=1", "recv count=4 peer=2"});
  CHECK(calls[1].out == 10);
  CHECK(nccl::nccl_calls(std::nullopt, nccl::NcclMessage{0, 4})[0].out == 0);
  CHECK(nccl::nccl_calls(nccl::NcclMessage{1, 0}, std::nullopt).empty());
}

}  // namespace
}  // namespace lockstep::test
