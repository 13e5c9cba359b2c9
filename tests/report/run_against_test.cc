// Two runs beside each other, with durations that a reader can add up.
#include "sim/report/run_against.h"

#include <string>

#include "tests/cost/timeline/fake_cost.h"

namespace lockstep::test {
namespace {

// Kernels 10 us, collectives 100 us.
RunOfPlan run_of(const std::string& name, const std::string& lines) {
  RunOfPlan run;
  run.scenario = name;
  run.plan = program(R"(
world: 2
groups: {tp: 0-1}
tokens: [3, 3]
program:
  - {input: x, partial: tp}
)" + lines);
  run.hardware = no_launches();
  run_plan(run, FakeCost(), {});
  REQUIRE(run.ended());
  return run;
}

const std::string kOnce = "  - {all_reduce: x, group: tp}\n  - {activation: x}\n";
const std::string kTwice =
    "  - {all_reduce: x, group: tp}\n  - {all_reduce: x, group: tp}\n  - {activation: x}\n";

TEST_CASE("a second all-reduce costs its 100 us, and only one run has it") {
  const RunOfPlan twice = run_of("twice", kTwice);
  const RunOfPlan once = run_of("once", kOnce);
  // 100 + 100 + 10 us against 100 + 10 us
  CHECK(twice.breakdown.makespan == us(210));
  CHECK(once.breakdown.makespan == us(110));
  const auto json = against_json(twice, once);
  CHECK(json["scenario"] == "once");
  CHECK(json["makespan_us"] == 110);
  CHECK(json["difference_us"] == 100);
  REQUIRE(json["operations"].size() == 1);
  CHECK(json["operations"][0]["kind"] == "all_reduce");
  CHECK(json["operations"][0]["here_us"] == 100);
  CHECK(json["operations"][0]["there_us"].is_null());
  CHECK(json["by_operation"][0]["difference_us"] == 100);
}

TEST_CASE("the other way round it is less, and stands under what only the other has") {
  const RunOfPlan twice = run_of("twice", kTwice);
  const RunOfPlan once = run_of("once", kOnce);
  const std::string text = against_text(once, twice, Style{}, false);
  // 100 us of 210 are 47.6 %
  CHECK(text.find("once takes 100.0 us less (47.6 %)") != std::string::npos);
  CHECK(text.find("only there") != std::string::npos);
  CHECK(text.find("only here") == std::string::npos);
  const std::string back = against_text(twice, once, Style{}, false);
  // and of 110 they are 90.9 %
  CHECK(back.find("twice takes 100.0 us longer (90.9 %)") != std::string::npos);
  CHECK(back.find("only here") != std::string::npos);
}

TEST_CASE("of equal operations the first is matched with the first") {
  const RunOfPlan twice = run_of("twice", kTwice);
  const RunOfPlan once = run_of("once", kOnce);
  int matched = 0;
  int only_here = -1;
  for (const MatchedOperation& m : match_operations(twice, once)) {
    CHECK(m.here >= 0);
    if (m.there < 0) only_here = m.here;
    if (m.there >= 0) ++matched;
  }
  CHECK(matched == 2);    // the first all-reduce and the activation
  CHECK(only_here == 2);  // input, all-reduce, then this one
}

TEST_CASE("waiting for a late rank is part of what an operation takes") {
  const std::string head = R"(
world: 2
groups: {tp: 0-1}
tokens: [3, 0]
program:
  - {input: x}
)";
  RunOfPlan late;
  late.scenario = "late";
  late.plan = program(head + "  - {activation: x}\n  - {barrier: tp}\n");
  late.hardware = no_launches();
  run_plan(late, FakeCost(), {});
  RunOfPlan prompt = late;
  prompt.scenario = "prompt";
  prompt.plan = program(head + "  - {barrier: tp}\n");
  run_plan(prompt, FakeCost(), {});
  for (const MatchedOperation& m : match_operations(late, prompt)) {
    const OpKind kind = late.plan.operations[static_cast<std::size_t>(m.here)].kind;
    if (kind != OpKind::barrier) continue;
    // rank 1 waits 10 us for rank 0: (100 + 110) / 2 in the mean; without the kernel nobody waits
    CHECK(m.here_us == 105);
    CHECK(m.there_us == 100);
  }
}

TEST_CASE("a run beside itself has no differences") {
  const RunOfPlan once = run_of("once", kOnce);
  const auto json = against_json(once, once);
  CHECK(json["difference_us"] == 0);
  CHECK(json["operations"].empty());
  CHECK(against_text(once, once, Style{}, false).find("both take the same time") !=
        std::string::npos);
}

}  // namespace
}  // namespace lockstep::test
