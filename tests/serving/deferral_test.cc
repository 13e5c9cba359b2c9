// Section 5.4 of the reference sheet: when a feed-forward's sum moves to the next layer.
#include <algorithm>

#include "tests/serving/truth.h"

namespace lockstep {
namespace {

using namespace test;  // NOLINT(google-build-using-namespace): the vocabulary of the tables

// Sums that run with the next layer's norm (or, declined or without a kernel, before it).
int deferred(const LoweringInput& input) {
  const Result<Plan> plan = lower(input);
  REQUIRE(static_cast<bool>(plan));
  CHECK(contract::check(*plan).verdict == contract::Verdict::holds);
  return static_cast<int>(std::ranges::count_if(plan->operations, [](const Operation& op) {
    return op.name.starts_with("fused all_reduce") || op.name == "deferred all_reduce";
  }));
}

LoweringInput fusing(const std::string& revision, int tokens, const char* gpu) {
  LoweringInput in = input_of(kDeepseek, layout(8, 1, 8), revision, Mode::sum);
  in.steps = {batch(ForwardMode::extend, {tokens})};
  in.serving.flags["enable_flashinfer_allreduce_fusion"] = true;
  in.gpu = gpu;
  return in;
}

TEST_CASE("5.4: the row cap and the GPUs of the fused kernel by revision") {
  struct Row {
    const char* revision;
    const char* gpu;
    int cap;  // 0: never
  };
  for (const Row& row :
       {Row{"8280", "blackwell", 1024}, Row{"8280", "hopper", 0}, Row{"9973", "blackwell", 4096},
        Row{"9973", "hopper", 4096}, Row{"11632", "hopper", 4096}, Row{"20406", "hopper", 2048},
        Row{"24785", "hopper", 2048}, Row{"24785", "ampere", 0}, Row{"41197^", "hopper", 2048}}) {
    INFO(text("5.4", row.revision, row.gpu));
    // All layers but the last.
    if (row.cap > 0) CHECK(deferred(fusing(row.revision, row.cap, row.gpu)) == 2);
    CHECK(deferred(fusing(row.revision, row.cap + 1, row.gpu)) == 0);
  }
}

TEST_CASE("5.4: nothing is deferred on one rank, unasked, or where the input is SCATTERED") {
  LoweringInput in = fusing("24785", 16, "hopper");
  in.parallel = layout(1, 1, 1);
  CHECK(deferred(in) == 0);
  in = fusing("10414", 16, "hopper");
  in.serving.flags.clear();
  CHECK(deferred(in) == 0);
  in = fusing("19918", 16, "hopper");
  in.parallel.moe_a2a_backend = "deepep";
  CHECK(deferred(in) == 1);  // layer 0 is dense, the sparse ones are SCATTERED
}

TEST_CASE("5.4: dense TP 1 defers no dense sum from #19918 on") {
  LoweringInput in = fusing("19918", 16, "hopper");
  in.parallel.moe_dense_tp_size = 1;
  // Layer 0 is dense and SCATTERED, layer 2 the last: layer 1 alone.
  CHECK(deferred(in) == 1);
  in.serving.revision = "latest";
  CHECK(deferred(in) == 1);
}

TEST_CASE("5.4: fusion is reachable under DP attention until #11632, refused by name") {
  const auto under_dp = [](const std::string& revision) {
    LoweringInput in = fusing(revision, 16, "hopper");
    in.parallel = layout(4, 4, 4);
    in.steps = {step_in(Mode::sum, 4)};
    return lower(in);
  };
  const Result<Plan> before = under_dp("11632^");
  REQUIRE_FALSE(static_cast<bool>(before));
  CHECK(before.faults().front().message.find("under DP attention") != std::string::npos);
  CHECK(static_cast<bool>(under_dp("11632")));
}

TEST_CASE("5.4, 5.6 row 51: from #41197 on a sum moves without a kernel, under DP attention too") {
  LoweringInput in = fusing("41197^", 4000, "ampere");
  CHECK(deferred(in) == 0);
  in.serving.revision = "41197";
  CHECK(deferred(in) == 2);
  in.serving.revision = "latest";
  CHECK(deferred(in) == 2);
  LoweringInput dp = input_of(kDeepseek, layout(8, 8, 1), "41197^", Mode::sum);
  CHECK(deferred(dp) == 0);
  dp.serving.revision = "41197";
  CHECK(deferred(dp) == 2);
  // Where the return is a reduce-scatter the sum stays with it.
  dp.parallel = layout(8, 8, 8);
  CHECK(deferred(dp) == 0);
}

TEST_CASE("5.4: hybrid EP and MoE-TP is one sum over TP from #32963 on") {
  LoweringInput in = fusing("32963", 16, "hopper");
  in.parallel = layout(8, 1, 2);
  CHECK(deferred(in) == 2);
}

}  // namespace
}  // namespace lockstep
