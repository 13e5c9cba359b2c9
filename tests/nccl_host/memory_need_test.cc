// How much memory a replay needs on a GPU, and what is said where there is too little.
#include "backend/nccl/launch/memory_need.h"

#include <doctest/doctest.h>

#include "backend/nccl/launch/weight_need.h"
#include "backend/numeric/weights.h"
#include "tests/differential/scenario_plans.h"
#include "tests/nccl_host/machines.h"

namespace lockstep::test {
namespace {

using nccl::MemoryNeed;
using nccl::MemoryPlan;
using nccl::Placement;
using numeric::Storage;

constexpr std::int64_t kGib = std::int64_t{1} << 30;

Plan plan_of(const std::string& text) {
  Result<Scenario> scenario = parse_scenario(text, "test.yaml");
  REQUIRE(scenario);
  Result<Plan> plan = lower(*scenario);
  REQUIRE(plan);
  return *plan;
}

// A dense layer of hidden size 64 on two ranks: 4 heads of 16, feed-forward of 128 columns.
const char* const kDense = R"(
lockstep: 1
name: dense
model: {preset: llama-3.1-8b, hidden_size: 64, num_hidden_layers: 1, num_attention_heads: 4,
        num_key_value_heads: 4, head_dim: 16, intermediate_size: 128, vocab_size: 256}
serving: {system: sglang, revision: latest}
parallel: {tp_size: 2}
batch: {forward_mode: extend, tokens: 5}
)";

TEST_CASE(
    "a rank needs its half of 4 projections of 64 x 64, 3 of 64 x 128 and the head 64 x 256") {
  const nccl::WeightNeed need = nccl::weight_need(plan_of(kDense), 1);
  CHECK(need.all == (4 * 64 * 64 + 3 * 64 * 128 + 64 * 256) / 2);
  CHECK(need.operation == 3 * 64 * 128 / 2);
  CHECK(need.whole == 64 * 256);
}

// Eight experts of 32 columns, two of a token, on two ranks.
const char* const kExperts = R"(
lockstep: 1
name: experts
model: {preset: qwen3-30b-a3b, hidden_size: 64, num_hidden_layers: 1, num_attention_heads: 4,
        num_key_value_heads: 4, head_dim: 16, vocab_size: 64, n_routed_experts: 8,
        num_experts_per_tok: 2, moe_intermediate_size: 32}
serving: {system: sglang, revision: latest}
parallel: {tp_size: 2, ep_size: 2}
batch: {forward_mode: extend, tokens: TOKENS}
)";

std::int64_t weights_of_experts(const std::string& tokens) {
  std::string text = kExperts;
  text.replace(text.find("TOKENS"), 6, tokens);
  return nccl::weight_need(plan_of(text), 0).operation;
}

TEST_CASE("no more experts are counted than rows are sent to: 1 token goes to 2, 5 to all 4 here") {
  constexpr std::int64_t kExpert = 3 * 64 * 32;
  const std::int64_t few = weights_of_experts("1");
  const std::int64_t many = weights_of_experts("5");
  CHECK(many == 4 * kExpert);
  CHECK(few == 2 * kExpert);
}

TEST_CASE("half the storage takes half the weights and tensors, and the same of the libraries") {
  const Plan plan = plan_of(kDense);
  const MemoryNeed wide = nccl::memory_need(plan, 0, Storage::float32, true);
  const MemoryNeed narrow = nccl::memory_need(plan, 0, Storage::bfloat16, true);
  CHECK(wide.weights == 2 * narrow.weights);
  CHECK(wide.tensors == 2 * narrow.tensors);
  CHECK(wide.communication == 2 * narrow.communication);
  CHECK(wide.libraries == narrow.libraries);
  CHECK(wide.most() - wide.least() == wide.weights - wide.drawn);
}

TEST_CASE("a communicator of the plan and that of all ranks are counted, dearer between GPUs") {
  const Plan plan = plan_of(kDense);
  const nccl::MemoryConstants c;
  CHECK(nccl::memory_need(plan, 0, Storage::float32, true).libraries ==
        c.context + c.workspace + 2 * c.socket_communicator);
  CHECK(nccl::memory_need(plan, 0, Storage::float32, false).libraries ==
        c.context + c.workspace + 2 * c.communicator);
}

TEST_CASE("between GPUs each peer that gets a message of its own takes channels") {
  const Plan plan = plan_of(R"(
lockstep: 1
name: deepep
model: {preset: qwen3-30b-a3b, num_hidden_layers: 1}
serving: {system: sglang, revision: "24785^"}
parallel: {tp_size: 4, dp_size: 4, ep_size: 4, enable_dp_attention: true, moe_a2a_backend: deepep}
batch: {forward_mode: extend, tokens: 5}
)");
  const nccl::MemoryConstants c;
  const auto libraries = [&](bool shares_gpu, const nccl::MemoryConstants& constants) {
    return nccl::memory_need(plan, 0, Storage::bfloat16, shares_gpu, constants).libraries;
  };
  nccl::MemoryConstants without = c;
  without.peer = 0;
  CHECK(libraries(false, c) - libraries(false, without) == 3 * c.peer);  // of four ranks
  CHECK(libraries(true, c) == libraries(true, without));
}

MemoryNeed need_of(std::int64_t weights, std::int64_t drawn) {
  MemoryNeed need;
  need.weights = weights * kGib;
  need.drawn = drawn * kGib;
  need.tensors = kGib;
  need.libraries = kGib;
  return need;
}

Placement placement_of(int ranks, int gpus) {
  return *nccl::place({.ranks = ranks, .run = "r"}, machine_of(gpus), {});
}

nccl::Machine machine_with(int gpus, std::int64_t free) {
  nccl::Machine machine = machine_of(gpus);
  for (nccl::Gpu& gpu : machine.gpus) gpu.memory_free = free * kGib;
  return machine;
}

nccl::MemoryConstants nothing_to_spare() {
  nccl::MemoryConstants constants;
  constants.spare = 0;
  return constants;
}

TEST_CASE("where all fits all weights are kept, and it is said what they are: 2 * (30 + 2)") {
  const Result<MemoryPlan> plan =
      nccl::plan_memory({need_of(30, 4), need_of(30, 4)}, placement_of(2, 1), machine_with(1, 64),
                        0, nothing_to_spare());
  REQUIRE(plan);
  CHECK(plan->keeps_all_weights);
  CHECK(plan->weight_budgets == std::vector<std::int64_t>{30 * kGib, 30 * kGib});
  CHECK(plan->texts == std::vector<std::string>{
                           "GPU 0 (NVIDIA H200): 2 ranks need 64.0 GiB of 64.0 GiB free: weights "
                           "60.0, tensors and caches 2.0, inside operations 0.0, collectives 0.0, "
                           "CUDA and NCCL 2.0"});
}

TEST_CASE("where not all fits the ranks share what is left: 63 - 2 * (4 + 2) in two halves") {
  const Result<MemoryPlan> plan =
      nccl::plan_memory({need_of(30, 4), need_of(30, 4)}, placement_of(2, 1), machine_with(1, 63),
                        0, nothing_to_spare());
  REQUIRE(plan);
  CHECK_FALSE(plan->keeps_all_weights);
  CHECK(plan->weight_budgets == std::vector<std::int64_t>(2, (63 - 12) * kGib / 2));
  CHECK(plan->texts[0].find("weights 8.0 (drawn as they are needed)") != std::string::npos);
}

TEST_CASE("too little for what must be there at once is refused, with what to do") {
  const std::vector<MemoryNeed> needs{need_of(30, 4), need_of(30, 4)};
  CHECK(nccl::plan_memory(needs, placement_of(2, 1), machine_with(1, 12), 0, nothing_to_spare()));
  const Result<MemoryPlan> plan =
      nccl::plan_memory(needs, placement_of(2, 1), machine_with(1, 12), kGib, nothing_to_spare());
  REQUIRE_FALSE(plan);
  CHECK(to_string(plan.faults())
            .starts_with("error: --backend nccl: too little memory. GPU 0 (NVIDIA H200): 2 ranks "
                         "need 13.0 GiB of 12.0 GiB free: weights 8.0 (drawn as they are needed)"));
  CHECK(to_string(plan.faults()).find("hint: fewer layers") != std::string::npos);
}

TEST_CASE("each GPU is looked at by itself: three ranks on two, and one of them has too little") {
  nccl::Machine machine = machine_with(2, 40);
  const std::vector<MemoryNeed> needs{need_of(10, 4), need_of(10, 4), need_of(10, 4)};
  const Result<MemoryPlan> plan =
      nccl::plan_memory(needs, placement_of(3, 2), machine, 0, nothing_to_spare());
  REQUIRE(plan);
  CHECK(plan->texts.size() == 2);
  CHECK(plan->texts[1].starts_with("GPU 1 (NVIDIA H200): 1 rank needs 12.0 GiB of 40.0 GiB free"));
  machine.gpus[1].memory_free = 5 * kGib;
  const Result<MemoryPlan> refused =
      nccl::plan_memory(needs, placement_of(3, 2), machine, 0, nothing_to_spare());
  REQUIRE_FALSE(refused);
  CHECK(to_string(refused.faults()).find("GPU 1 (NVIDIA H200): 1 rank needs 6.0 GiB of 5.0") !=
        std::string::npos);
}

TEST_CASE("every plan of the scenario files needs something, and no more kept than it uses") {
  for_each_scenario_plan(16, [](const std::string& name, const Plan& plan) {
    CAPTURE(name);
    for (int rank = 0; rank < plan.world; ++rank) {
      const MemoryNeed need = nccl::memory_need(plan, rank, Storage::bfloat16, true);
      CHECK(need.libraries > 0);
      CHECK(need.drawn <= need.weights);
      CHECK(need.tensors >= 0);
    }
  });
}

}  // namespace
}  // namespace lockstep::test
