// What processes really sent to each other is what the algorithms' closed forms say, and nothing of
// it goes through the coordinator.
#include <doctest/doctest.h>

#include <map>

#include "backend/numeric/exchange.h"
#include "backend/numeric/local_ranks.h"
#include "tests/differential/cases.h"
#include "tests/process_replay/backends.h"

namespace lockstep::test {
namespace {

using numeric::Sent;
using numeric::Traffic;

constexpr std::int64_t kHidden = 16;  // of the tiny model
constexpr std::int64_t kFloat = 4;

const Traffic* traffic_of(const numeric::ReplayResult& result, int operation) {
  for (const Traffic& t : result.traffic) {
    if (t.operation == operation) return &t;
  }
  return nullptr;
}

// -1: none.
int first_of(const Plan& plan, OpKind kind) {
  for (std::size_t i = 0; i < plan.operations.size(); ++i) {
    if (plan.operations[i].kind == kind) return static_cast<int>(i);
  }
  return -1;
}

TEST_CASE("a ring reduce-scatter sends to the next rank only, every block but the rank's own") {
  // DEP of 4 ranks with 3, 1, 2 and 5 tokens: SUM_LEN sums 11 rows, and each gets its own back.
  Deployment deployment;
  deployment.tokens = {3, 1, 2, 5};
  const Result<Plan> plan = lower(input_of(deployment));
  REQUIRE(plan);
  const numeric::ReplayResult result = on_processes(*plan, {});
  const int scatter = first_of(*plan, OpKind::reduce_scatterv);
  REQUIRE(scatter >= 0);
  const Traffic* traffic = traffic_of(result, scatter);
  REQUIRE(traffic != nullptr);
  const std::vector<std::int64_t> rows{3, 1, 2, 5};
  std::map<std::pair<int, int>, std::int64_t> expected;
  for (int m = 0; m < 4; ++m) {
    const int next = (m + 1) % 4;
    expected[{m, next}] = (11 - rows[static_cast<std::size_t>(m)]) * kHidden * kFloat;
  }
  std::map<std::pair<int, int>, std::int64_t> sent;
  for (const Sent& s : traffic->sent) sent[{s.from, s.to}] = s.bytes;
  CHECK(sent == expected);
}

TEST_CASE("with bfloat16 and float16 half as many bytes are sent") {
  Deployment deployment;
  deployment.tokens = {3, 1, 2, 5};
  const Result<Plan> plan = lower(input_of(deployment));
  REQUIRE(plan);
  const numeric::ReplayResult wide = on_processes(*plan, {});
  for (const numeric::Storage storage : {numeric::Storage::bfloat16, numeric::Storage::float16}) {
    numeric::ReplayOptions half;
    half.storage = storage;
    const numeric::ReplayResult narrow = on_processes(*plan, half);
    REQUIRE(wide.traffic.size() == narrow.traffic.size());
    for (std::size_t i = 0; i < wide.traffic.size(); ++i) {
      REQUIRE(wide.traffic[i].sent.size() == narrow.traffic[i].sent.size());
      for (std::size_t s = 0; s < wide.traffic[i].sent.size(); ++s) {
        CHECK(wide.traffic[i].sent[s].bytes == 2 * narrow.traffic[i].sent[s].bytes);
      }
    }
  }
}

}  // namespace
}  // namespace lockstep::test
