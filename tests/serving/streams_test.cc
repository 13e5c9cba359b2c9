// Section 6.2, dual stream: in a captured layer DeepSeek's shared experts run beside the routed
// ones.
#include <doctest/doctest.h>

#include <algorithm>
#include <string>

#include "sim/contract/check.h"
#include "tests/serving/inputs.h"

namespace lockstep {
namespace {

using test::batch;
using test::layout;

Plan captured(const std::string& revision) {
  BatchSpec step = batch(ForwardMode::decode, {4, 4});
  step.cuda_graph = true;
  const Result<Plan> plan = lower(test::input(layout(2, 2, 2), revision, step));
  REQUIRE(static_cast<bool>(plan));
  REQUIRE(validate(*plan).empty());
  return *plan;
}

bool is_shared(const Operation& op) { return op.kind == OpKind::shared_expert; }

TEST_CASE("a captured layer computes its shared experts on a second stream, ordered by events") {
  const Plan plan = captured("24785");
  const auto shared = std::ranges::find_if(plan.operations, is_shared);
  REQUIRE(shared != plan.operations.end());
  CHECK(shared->stream == 1);
  CHECK(shared->waits.size() == 1);
  CHECK(shared->records >= 0);
  const auto add = std::ranges::find(plan.operations, "add shared experts", &Operation::name);
  REQUIRE(add != plan.operations.end());
  CHECK(add->stream == 0);
  CHECK(add->waits == std::vector<int>{shared->records});
  CHECK(contract::check(plan).verdict == contract::Verdict::holds);
}

TEST_CASE("without either event the two streams race") {
  const auto racy = [](auto forget) {
    Plan plan = captured("latest");
    for (Operation& op : plan.operations) {
      if (forget(op)) op.waits.clear();
    }
    return contract::check(plan);
  };
  for (const contract::CheckResult& result : {racy(is_shared), racy([](const Operation& op) {
                                                return op.name == "add shared experts";
                                              })}) {
    REQUIRE(result.verdict == contract::Verdict::violated);
    for (const contract::Violation& v : result.violations) {
      CHECK(v.code == contract::Code::stream_race);
    }
    CHECK(result.violations.front().site.module == "moe");
  }
}

TEST_CASE("an eager layer has one stream") {
  BatchSpec step = batch(ForwardMode::decode, {4, 4});
  step.cuda_graph = false;
  const Result<Plan> plan = lower(test::input(layout(2, 2, 2), "24785", step));
  REQUIRE(static_cast<bool>(plan));
  CHECK(std::ranges::all_of(plan->operations, [](const Operation& op) { return op.stream == 0; }));
}

// Section 3.5: SUM_LEN, attention-TP 1, tp == dp.
TEST_CASE("SGLANG_DP_USE_GATHERV gathers rows instead of summing placed ones") {
  LoweringInput in =
      test::input(layout(4, 4, 4), "28216", batch(ForwardMode::extend, {5, 0, 9, 3}));
  in.serving.env["SGLANG_DP_USE_GATHERV"] = "1";
  const Result<Plan> plan = lower(in);
  REQUIRE(static_cast<bool>(plan));
  int gathers = 0;
  for (const Operation& op : plan->operations) gathers += op.kind == OpKind::all_gatherv;
  CHECK(gathers == in.model.num_hidden_layers);
  CHECK(contract::check(*plan).verdict == contract::Verdict::holds);
}

TEST_CASE("deterministic inference sums a copy and slices it") {
  LoweringInput in =
      test::input(layout(4, 4, 4), "24785", batch(ForwardMode::extend, {5, 0, 9, 3}));
  in.serving.flags["enable_deterministic_inference"] = true;
  const Result<Plan> plan = lower(in);
  REQUIRE(static_cast<bool>(plan));
  CHECK(std::ranges::none_of(
      plan->operations, [](const Operation& op) { return op.kind == OpKind::reduce_scatterv; }));
  CHECK(contract::check(*plan).verdict == contract::Verdict::holds);
}

// Section 7.7: what is left to the next layer is completed there, at its beginning.
TEST_CASE("from #41253 on the return step runs in the next layer, but for the last") {
  const auto layers_of_returns = [](const char* revision) {
    const Result<Plan> plan =
        lower(test::input(layout(4, 4, 4), revision, batch(ForwardMode::extend, {5, 0, 9, 3})));
    REQUIRE(static_cast<bool>(plan));
    std::vector<int> layers;
    for (const Operation& op : plan->operations) {
      if (op.kind == OpKind::reduce_scatterv) layers.push_back(op.site.layer);
    }
    CHECK(contract::check(*plan).verdict == contract::Verdict::holds);
    return layers;
  };
  CHECK(layers_of_returns("41195") == std::vector<int>{0, 1, 2});
  CHECK(layers_of_returns("41253") == std::vector<int>{1, 2, 2});
}

}  // namespace
}  // namespace lockstep
