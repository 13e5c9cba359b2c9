#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "sim/contract/check.h"
#include "sim/serving/input.h"
#include "tests/serving/inputs.h"

namespace lockstep {
namespace {

using test::batch;
using test::layout;

Plan lowered(const LoweringInput& input) {
  Result<Plan> plan = lower(input);
  if (!plan) MESSAGE(to_string(plan.faults()));
  REQUIRE(static_cast<bool>(plan));
  REQUIRE(validate(*plan).empty());
  return std::move(*plan);
}

std::vector<Operation> of_layer(const Plan& plan, int layer) {
  std::vector<Operation> operations;
  for (const Operation& op : plan.operations) {
    if (op.site.layer == layer) operations.push_back(op);
  }
  return operations;
}

std::vector<OpKind> kinds(const std::vector<Operation>& operations) {
  std::vector<OpKind> kinds;
  for (const Operation& op : operations) kinds.push_back(op.kind);
  return kinds;
}

LoweringInput dep8(const std::string& revision) {
  return test::input(layout(8, 8, 8), revision,
                     batch(ForwardMode::extend, {9, 37, 0, 12, 3, 1, 64, 5}));
}

const Reason* reason_of(const Plan& plan, const Operation& op, const std::string& rule) {
  for (const ReasonId id : op.because) {
    if (plan.reason(id).rule == rule) return &plan.reason(id);
  }
  return nullptr;
}

bool saw(const Reason& reason, const std::string& input, const std::string& value) {
  return std::ranges::find(reason.inputs, std::pair{input, value}) != reason.inputs.end();
}

using enum OpKind;

TEST_CASE("layer 0 of DEP8 in SUM_LEN sums twice before #24785 and once after") {
  const std::vector<OpKind> before{norm,       attention,       require,    add,
                                   norm,       copy_rows,       all_reduce, dense,
                                   all_reduce, reduce_scatterv, require};
  std::vector<OpKind> after = before;
  after.erase(after.begin() + 8);
  CHECK(kinds(of_layer(lowered(dep8("24785^")), 0)) == before);
  CHECK(kinds(of_layer(lowered(dep8("24785")), 0)) == after);
}

TEST_CASE("a sparse layer of DEP8 in SUM_LEN at #24785") {
  const std::vector<OpKind> wanted{add,           norm,      attention,       require, add,
                                   norm,          copy_rows, all_reduce,      router,  experts,
                                   shared_expert, add,       reduce_scatterv, require};
  CHECK(kinds(of_layer(lowered(dep8("24785")), 1)) == wanted);
}

TEST_CASE("the producer's sum and the return say which rule decided, and what it saw") {
  const Plan plan = lowered(dep8("24785^"));
  const std::vector<Operation> layer = of_layer(plan, 0);
  const Operation& sum = layer[8];
  const Reason* producer = reason_of(plan, sum, "should_use_reduce_scatter");
  REQUIRE(producer != nullptr);
  CHECK(producer->value == "false");
  CHECK(saw(*producer, "padding", "sum_len"));
  CHECK(producer->changes == std::vector<int>{8539});
  REQUIRE(reason_of(plan, sum, "should_skip_mlp_all_reduce") != nullptr);
  CHECK(reason_of(plan, layer[7], "should_skip_mlp_all_reduce") != nullptr);
  const Reason* consumer = reason_of(plan, layer[9], "should_use_dp_reduce_scatterv");
  REQUIRE(consumer != nullptr);
  CHECK(consumer->value == "true");
  CHECK(saw(*consumer, "ep", "8"));
  CHECK(consumer->changes == std::vector<int>{22642});
  CHECK(plan.origin == Origin{"sglang", "24785^", "#23748", "E2"});
}

TEST_CASE("reduce_scatterv gets the padded counts of the shards") {
  const Plan plan = lowered(dep8("24785"));
  REQUIRE(plan.sizes.size() == 1);
  CHECK(plan.sizes[0].sizes == std::vector<std::int64_t>{9, 37, 0, 12, 3, 1, 64, 5});
  CHECK(plan.steps[0].padding == Padding::sum_len);
}

TEST_CASE("P1c joins the residual on one rank of each shard and norms every row") {
  const Plan plan =
      lowered(test::input(layout(8, 2, 8), "24785", batch(ForwardMode::extend, {8, 3})));
  const std::vector<Operation> layer = of_layer(plan, 0);
  const std::vector<OpKind> wanted{norm,      attention, require, add,        copy_rows, all_reduce,
                                   copy_rows, norm,      dense,   all_reduce, copy_rows, require};
  CHECK(kinds(layer) == wanted);
  CHECK(to_string(layer[3].ranks) == "0,4");
}

TEST_CASE("MAX_LEN gathers and returns without an all_reduce") {
  LoweringInput in = test::input(layout(8, 2, 8), "24785", batch(ForwardMode::decode, {4, 4}));
  const std::vector<OpKind> wanted{norm,           attention,      require,    add,
                                   reduce_scatter, all_gather,     copy_rows,  norm,
                                   dense,          reduce_scatter, all_gather, require};
  CHECK(kinds(of_layer(lowered(in), 0)) == wanted);
}

TEST_CASE("behind an all-to-all every rank works on its slice") {
  LoweringInput in = test::input(layout(4, 2, 4), "24785", batch(ForwardMode::extend, {8, 3}));
  in.parallel.moe_a2a_backend = "deepep";
  const std::vector<OpKind> middle{
      add,    norm,     attention, require, reduce_scatter, copy_rows,     add, norm,
      router, dispatch, dispatch,  experts, combine,        shared_expert, add, require};
  CHECK(kinds(of_layer(lowered(in), 1)) == middle);
  const std::vector<OpKind> last{
      add,     norm,          all_gather, attention, require,  reduce_scatter,
      add,     norm,          router,     dispatch,  dispatch, experts,
      combine, shared_expert, add,        require,   add,      all_gather};
  CHECK(kinds(of_layer(lowered(in), 2)) == last);
}

TEST_CASE("a decision that depends on the rank splits the operations by rank") {
  LoweringInput in = dep8("24785^");
  in.serving.rules["should_skip_mlp_all_reduce"] = "rank < 4";
  const std::vector<Operation> layer = of_layer(lowered(in), 0);
  const auto sum = std::ranges::find(layer, "down_proj all_reduce", &Operation::name);
  REQUIRE(sum != layer.end());
  CHECK(to_string(sum->ranks) == "4-7");
  const auto result = contract::check(lowered(in));
  REQUIRE_FALSE(result.violations.empty());
  CHECK(result.violations.front().code == contract::Code::collective_mismatch);
}

TEST_CASE("a rule by layer changes that layer only") {
  LoweringInput in = dep8("24785");
  in.model.first_k_dense_replace = 3;
  in.serving.rules["should_skip_mlp_all_reduce"] = "layer != 1 and default";
  const auto result = contract::check(lowered(in));
  REQUIRE(result.violations.size() == 1);
  CHECK(result.violations.front().site.layer == 1);
  CHECK(result.violations.front().code == contract::Code::double_reduction);
}

TEST_CASE("steps have tokens and tensors of their own") {
  LoweringInput in = dep8("24785");
  in.steps.push_back(batch(ForwardMode::decode, {1, 1, 0, 1, 1, 1, 1, 1}));
  const Plan plan = lowered(in);
  REQUIRE(plan.steps.size() == 2);
  CHECK(plan.steps[0].requests.back().first_token + 5 == plan.steps[1].requests[0].first_token);
  CHECK(plan.steps[1].cuda_graph);
  CHECK(plan.steps[1].padding == Padding::max_len);
  CHECK(contract::check(plan).verdict == contract::Verdict::holds);
}

TEST_CASE("an unbalanced eager decode is SUM_LEN, its graph MAX_LEN") {
  LoweringInput in =
      test::input(layout(8, 8, 8), "24785^", batch(ForwardMode::decode, {16, 0, 0, 0, 0, 0, 0, 0}));
  CHECK(contract::check(lowered(in)).verdict == contract::Verdict::holds);
  in.steps[0].cuda_graph = false;
  CHECK(contract::check(lowered(in)).verdict == contract::Verdict::violated);
}

TEST_CASE("the logits are those of the last token of each extended request") {
  LoweringInput in = test::input(layout(2, 2, 2), "24785", batch(ForwardMode::extend, {5, 0}));
  in.steps[0].shards[0].requests = {{3, 0}, {2, 10}};
  const Plan plan = lowered(in);
  const auto wanted = std::ranges::find(plan.layouts, "logits_own", &RowLayout::name);
  REQUIRE(wanted != plan.layouts.end());
  CHECK(wanted->rows.at(0) == RowMap{{2, 1}, {4, 1}});
  CHECK(wanted->rows.at(1).empty());
}

std::string refusal(const LoweringInput& in) {
  const Result<Plan> plan = lower(in);
  REQUIRE_FALSE(static_cast<bool>(plan));
  return plan.faults().front().path;
}

TEST_CASE("bad input is refused at the key at fault") {
  LoweringInput in = dep8("24785");
  in.steps[0].shards.pop_back();
  CHECK(refusal(in) == "batch.tokens");
  in = dep8("24785");
  in.steps[0].shards.assign(8, {});
  CHECK(refusal(in) == "batch.tokens");
  in = dep8("24785");
  in.steps.clear();
  CHECK(refusal(in) == "batch");
  in = dep8("24785");
  in.steps[0].shards[0].requests[0].tokens = -4;
  CHECK(refusal(in) == "batch.tokens");
  in = dep8("24785");
  in.steps[0].cuda_graph = true;
  CHECK(refusal(in) == "batch.cuda_graph");
  in = dep8("24785");
  in.serving.system = "vllm";
  CHECK(refusal(in) == "serving.system");
  in = dep8("24785");
  in.serving.flags["enable_two_batch_overlap"] = true;
  CHECK(refusal(in) == "serving.flags.enable_two_batch_overlap");
  in = dep8("24785");
  in.serving.flags["disable_shared_expert_fusion"] = true;
  CHECK(refusal(in) == "serving.flags.disable_shared_expert_fusion");
  in = dep8("24785");
  in.serving.env["SGLANG_DP_USE_GATHERV"] = "1";  // does not exist before #28216
  CHECK(refusal(in) == "serving.env.SGLANG_DP_USE_GATHERV");
  in = dep8("24785");
  in.serving.env["SGLANG_USE_AITER"] = "1";
  CHECK(refusal(in) == "serving.env.SGLANG_USE_AITER");
  in = dep8("24785");
  in.model.architecture = "Llama4ForConditionalGeneration";
  CHECK(refusal(in) == "model.architecture");
  in = dep8("24785");
  in.model.moe_layer_freq = 0;
  CHECK(refusal(in) == "model.moe_layer_freq");
  in = dep8("24785");
  in.serving.rules["should_allreduce_fusion"] = "true";
  CHECK(refusal(in) == "serving.rules.should_allreduce_fusion");
}

TEST_CASE("plain has no rules and no reasons") {
  LoweringInput in = dep8("");
  in.serving.system = "plain";
  const Plan plan = lowered(in);
  CHECK(plan.reasons.empty());
  const std::vector<OpKind> wanted{norm,       attention, require,    add,       norm,   copy_rows,
                                   all_reduce, dense,     all_reduce, copy_rows, require};
  CHECK(kinds(of_layer(plan, 0)) == wanted);
  in.serving.rules["should_use_reduce_scatter"] = "true";
  CHECK(refusal(in) == "serving.rules.should_use_reduce_scatter");
}

TEST_CASE("equal input lowers to equal plans") {
  LoweringInput in = dep8("24785^");
  in.model = test::kimi_k2_6();
  CHECK(lowered(in) == lowered(in));
  CHECK(hash(lowered(in)) == hash(lowered(in)));
}

}  // namespace
}  // namespace lockstep
