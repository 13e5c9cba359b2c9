// Medians, and waiting apart from transfer, of runs whose times are known.
#include "backend/nccl/launch/measured.h"

#include <doctest/doctest.h>

#include "tests/differential/cases.h"

namespace lockstep::test {
namespace {

using nccl::GpuReport;
using nccl::Measured;
using nccl::spread_of;
using nccl::TimedRun;

// A plan whose first two ranks compute, then sum with the others.
struct TwoRanks {
  Plan plan;
  int local = -1;
  int collective = -1;
};

TwoRanks two_ranks() {
  Deployment deployment;
  deployment.tokens = {3, 1, 2, 5};
  const Result<Plan> lowered = lower(input_of(deployment));
  REQUIRE(lowered);
  TwoRanks two{*lowered};
  for (std::size_t i = 0; i < two.plan.operations.size(); ++i) {
    const Operation& op = two.plan.operations[i];
    if (two.local < 0 && op.kind == OpKind::norm) two.local = static_cast<int>(i);
    if (two.collective < 0 && is_collective(op.kind)) two.collective = static_cast<int>(i);
  }
  REQUIRE(two.local >= 0);
  REQUIRE(two.collective >= 0);
  return two;
}

TEST_CASE("a quartile lies linearly between its neighbours: q of n values is at q (n - 1)") {
  // 1 2 3 4: the median is at 1.5 = 2.5, the quartiles at 0.75 = 1.75 and 2.25 = 3.25.
  CHECK(spread_of({4, 1, 3, 2}) == nccl::Spread{2.5, 1.75, 3.25});
  CHECK(spread_of({4, 1, 3, 2}).relative() == doctest::Approx(1.5 / 2.5));
  CHECK(spread_of({7}) == nccl::Spread{7, 7, 7});
  CHECK(spread_of({}) == nccl::Spread{0, 0, 0});
}

TEST_CASE("who comes early waits, and the transfer begins when the last one comes") {
  const TwoRanks two = two_ranks();
  // Rank 0 comes at 10 and rank 1 at 16; both are through at 20 and 21. So the transfer takes
  // 21 - 16 = 5, and the members wait (6 + 0) / 2 = 3.
  std::vector<GpuReport> reports(2);
  reports[0].runs = {TimedRun{0, false, {{two.local, 0, 4}, {two.collective, 10, 20}}}};
  reports[1].runs = {TimedRun{0, false, {{two.local, 1, 9}, {two.collective, 16, 21}}}};
  const Measured told = nccl::measured(two.plan, reports);
  REQUIRE(told.operations.size() == 2);
  for (const nccl::MeasuredOperation& op : told.operations) {
    CHECK(op.repetitions == 1);
    if (op.operation == two.collective) {
      CHECK(op.communicates);
      CHECK(op.time.median_us == 5);
      CHECK(op.waiting.median_us == 3);
    } else {
      CHECK(op.time.median_us == 8);  // the slower rank: 9 - 1
      CHECK(op.waiting.median_us == 0);
    }
  }
  REQUIRE(told.steps.size() == 1);
  CHECK(told.steps[0].time.median_us == 21);
}

TEST_CASE("repetition i of all ranks belongs together, and steps are told apart") {
  const TwoRanks two = two_ranks();
  std::vector<GpuReport> reports(2);
  for (int i = 0; i < 3; ++i) {
    const double zero = 100.0 * i;
    // The transfer of repetition i takes 1 + i.
    reports[0].runs.push_back({0, true, {{two.collective, zero, zero + 2 + i}}});
    reports[1].runs.push_back({0, true, {{two.collective, zero + 1, zero + 2 + i}}});
  }
  const Measured told = nccl::measured(two.plan, reports);
  REQUIRE(told.operations.size() == 1);
  CHECK(told.operations[0].is_graph);
  CHECK(told.operations[0].repetitions == 3);
  CHECK(told.operations[0].time == nccl::Spread{2, 1.5, 2.5});
  CHECK(told.operations[0].waiting == nccl::Spread{0.5, 0.5, 0.5});
}

TEST_CASE("a rank's report comes back from its bytes as it was") {
  GpuReport report;
  report.called = {{3, {nccl::NcclCall{.count = 7}}}};
  report.peak_bytes = 42;
  report.runs = {TimedRun{1, true, {{3, 0.5, 2.5}}}};
  report.note = "no graph";
  const GpuReport back = nccl::decode_gpu_report(nccl::encode(report));
  CHECK(back.called == report.called);
  CHECK(back.peak_bytes == 42);
  REQUIRE(back.runs.size() == 1);
  CHECK(back.runs[0].operations[0].end_us == 2.5);
  CHECK(back.note == "no graph");
}

}  // namespace
}  // namespace lockstep::test
