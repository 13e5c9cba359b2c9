#include "tests/cost/timeline/fake_cost.h"

namespace lockstep::test {
namespace {

constexpr const char* kColumnThenRow = R"(
world: 2
groups: {tp: 0-1}
tokens: 3
program:
  - {input: x}
  - {linear: x, columns: tp, out: h}
  - {activation: h}
  - {linear: h, out: y}
  - {all_reduce: y, group: tp}
  - {require: y}
)";

TEST_CASE("operations of one stream follow each other, and an input costs nothing") {
  const Ran two = ran(kColumnThenRow);
  // makespan = three kernels of 10 us + one all-reduce of 100 us
  CHECK(two.timeline.end == us(3 * 10 + 100));
  for (const Split& split : two.split.ranks) {
    CHECK(split == Split{us(30), us(100), us(0), us(0)});
  }
}

TEST_CASE("a rank without rows launches nothing and waits for the others") {
  const Ran two = ran(R"(
world: 2
groups: {tp: 0-1}
tokens: [3, 0]
program:
  - {input: x}
  - {activation: x}
  - {barrier: tp}
)");
  // rank 0: 10 us of work, then 100 us together; rank 1 comes at 0 and waits 10 us
  CHECK(two.timeline.end == us(10 + 100));
  CHECK(two.split.ranks[0] == Split{us(10), us(100), us(0), us(0)});
  CHECK(two.split.ranks[1] == Split{us(0), us(100), us(10), us(0)});
}

TEST_CASE("a collective on a second stream is hidden by the computation beside it") {
  const Ran two = ran(R"(
world: 2
groups: {tp: 0-1}
tokens: 3
program:
  - {input: x, partial: tp}
  - {input: y, records: ready}
  - {all_reduce: x, group: tp, stream: 1, after: ready, records: summed}
  - {activation: y}
  - {activation: y}
  - {add: [x, y], after: summed}
)");
  // the sum takes [0, 100] on its stream; meanwhile 2 x 10 us; the addition is behind both
  CHECK(two.timeline.end == us(100 + 10));
  // communication is what is not hidden: 100 - 20
  for (const Split& split : two.split.ranks) {
    CHECK(split == Split{us(30), us(80), us(0), us(0)});
  }
}

TEST_CASE("an eager host that is slower than the device decides") {
  Hardware hardware = no_launches();
  hardware.launch.eager_us = 25;
  const Ran two = ran(program(kColumnThenRow), FakeCost(), hardware);
  // kernel i is issued at 25 i, and over before the next is; the all-reduce begins behind the third
  CHECK(two.timeline.end == us(3 * 25 + 10 + 100));
  CHECK(two.split.ranks[0] == Split{us(30), us(100), us(0), us(3 * 25 - 20)});
}

TEST_CASE("the launch of an eager collective is the host's, and hidden where the device is busy") {
  FakeCost cost;
  cost.launch_us = 20;
  const Ran two = ran(program(kColumnThenRow), cost);
  // the host issues the call at 20 us, while the kernels run until 30; 80 us are left
  CHECK(two.timeline.end == us(30 + 80));
}

TEST_CASE("a graph has one launch for all, and a gap before every kernel") {
  Hardware hardware = no_launches();
  hardware.launch.graph_replay_us = 5;
  hardware.launch.graph_node_us = 1;
  TimelineOptions options;
  options.launch = LaunchStyle::graph;
  const Ran two = ran(program(kColumnThenRow), FakeCost(), hardware, options);
  CHECK(two.timeline.end == us(5 + 3 * (1 + 10) + 100));
  CHECK(two.split.ranks[0] == Split{us(33), us(100), us(0), us(5)});
}

TEST_CASE("the four parts of each rank sum to the makespan, and runs repeat") {
  const std::string text = R"(
world: 3
groups: {tp: 0-2, two: 0-1}
tokens: [3, 1, 0]
program:
  - {input: x, records: ready}
  - {activation: x, stream: 1, after: ready, records: done}
  - {barrier: two, ranks: 0-1}
  - {activation: x, after: done}
  - {barrier: tp}
)";
  const Ran first = ran(text);
  for (const Split& split : first.split.ranks) CHECK(split.total() == first.timeline.end);
  CHECK(first.timeline.trace_hash == ran(text).timeline.trace_hash);
}

TEST_CASE("calls are matched by what they are: the bytes of a collective follow from its rows") {
  const FakeCost cost;
  ran(program(kColumnThenRow), cost);
  REQUIRE(cost.calls.size() == 1);  // asked once for both ranks
  const CollectiveCall& call = cost.calls.front();
  CHECK(call.kind == Collective::all_reduce);
  CHECK(call.ranks == std::vector<int>{0, 1});
  const Plan plan = program(kColumnThenRow);
  CHECK(call.bytes == 3 * plan.model.hidden_size * 2);  // rows x columns x bytes of bfloat16
  CHECK(call.launch == LaunchStyle::eager);
}

TEST_CASE("ranks that call with other rows than each other do not meet") {
  const Plan plan = program(R"(
world: 2
groups: {tp: 0-1}
tokens: [3, 1]
program:
  - {input: x}
  - {all_reduce: x, group: tp}
)");
  const TimedProgram timed = timed_program(plan, FakeCost(), no_launches());
  const Timeline timeline = run(timed.program);
  REQUIRE(timeline.stuck);
  CHECK(timeline.stuck->cause == Stuck::Cause::mismatch);
  CHECK(timed.program.calls[0].name == "all_reduce of 3 rows");
  CHECK(timed.program.calls[1].name == "all_reduce of 1 row");
}

TEST_CASE("a call that the library refuses is told with its rank and operation") {
  const Plan plan = program(R"(
world: 2
groups: {tp: 0-1}
tokens: 3
program:
  - {input: x, partial: tp}
  - {reduce_scatter: x, group: tp, rows: [{ranks: 0, runs: "0"}, {ranks: 1, runs: "1"}], out: y}
)");
  const TimedProgram timed = timed_program(plan, FakeCost(), no_launches());
  REQUIRE(timed.refused.size() == 1);
  CHECK(timed.refused.front().find("of 3 rows over 2 ranks: not a multiple") != std::string::npos);
}

}  // namespace
}  // namespace lockstep::test
