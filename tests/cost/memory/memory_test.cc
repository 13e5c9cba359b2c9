// What a rank holds. Totals are those that the models' authors publish.
#include "sim/cost/memory.h"

#include <doctest/doctest.h>

#include "sim/cost/hardware_file.h"
#include "sim/scenario/scenario.h"

namespace lockstep {
namespace {

Plan plan_of(const std::string& rest) {
  Result<Scenario> scenario = parse_scenario("lockstep: 1\n" + rest, "s.yaml");
  if (!scenario) MESSAGE(to_string(scenario.faults()));
  REQUIRE(scenario);
  Result<Plan> plan = lower(*scenario);
  if (!plan) MESSAGE(to_string(plan.faults()));
  REQUIRE(plan);
  return *std::move(plan);
}

const std::string kOneToken = "batch: {tokens: 1}\n";
const std::string kDep8 =
    "parallel: {tp_size: 8, dp_size: 8, ep_size: 8, enable_dp_attention: true}\n"
    "batch: {forward_mode: decode, tokens: 16, kv_len: 1000}\n";

}  // namespace

TEST_CASE("on one rank, a model has the parameters that its authors say") {
  const auto parameters = [](const std::string& model) {
    const Plan plan = plan_of("model: " + model + "\n" + kOneToken);
    return static_cast<double>(memory_use(plan, 0).parameters);
  };
  CHECK(parameters("deepseek-v3") == doctest::Approx(671e9).epsilon(0.005));
  CHECK(parameters("kimi-k2") == doctest::Approx(1.03e12).epsilon(0.01));
  CHECK(parameters("llama-3.1-70b") == doctest::Approx(70.6e9).epsilon(0.005));
  CHECK(parameters("llama-3.1-8b") == doctest::Approx(8.03e9).epsilon(0.005));
  CHECK(parameters("qwen3-235b-a22b") == doctest::Approx(235e9).epsilon(0.005));
}

TEST_CASE("fp8 weights take a byte, bf16 weights two") {
  // DeepSeek-V3: embedding and lm_head, 129,280 x 7,168 each, stay in bf16; with them routers and
  // norms. All else is a byte: the total is a little above the number of parameters.
  const MemoryUse v3 = memory_use(plan_of("model: deepseek-v3\n" + kOneToken), 0);
  CHECK(v3.embedding == 129'280LL * 7168 * 2);
  CHECK(v3.lm_head == 129'280LL * 7168 * 2);
  CHECK(v3.weights() > v3.parameters);
  CHECK(static_cast<double>(v3.weights()) <
        doctest::Approx(static_cast<double>(v3.parameters) * 1.01));
  const MemoryUse llama = memory_use(plan_of("model: llama-3.1-70b\n" + kOneToken), 0);
  CHECK(llama.weights() == 2 * llama.parameters);
}

TEST_CASE(
    "experts of all ranks together are those of the model, attention of DP is whole on each") {
  const MemoryUse whole = memory_use(plan_of("model: deepseek-v3\n" + kOneToken), 0);
  const Plan plan = plan_of("model: deepseek-v3\n" + kDep8);
  std::int64_t experts = 0;
  for (int rank = 0; rank < 8; ++rank) {
    const MemoryUse use = memory_use(plan, rank);
    CHECK(use.attention == whole.attention);
    experts += use.experts;
  }
  // Routers are whole on every rank: 58 layers of 7,168 x 256 in bf16, seven times more. What is
  // shared may be, too, by the rules of the serving system: 58 x 3 x 7,168 x 2,048 in fp8.
  const std::int64_t routers = 58LL * 7168 * 256 * 2;
  const std::int64_t shared = 58LL * 3 * 7168 * 2048;
  const std::int64_t more = experts - whole.experts - 7 * routers;
  CHECK((more == 0 || more == 7 * shared));
}

TEST_CASE(
    "the cache holds the tokens of the rank's requests: 576 columns a token and layer of MLA") {
  // 16 requests of 1,000 tokens on each rank, 61 layers, 2 bytes: 16 * 1000 * 61 * 1152.
  const MemoryUse use = memory_use(plan_of("model: deepseek-v3\n" + kDep8), 3);
  CHECK(use.cache_of_a_token == 61 * 1152);
  CHECK(use.cache == 16'000LL * 61 * 1152);
  // GQA under TP8: one of eight heads of 128 keys and 128 values, 80 layers.
  const MemoryUse llama = memory_use(
      plan_of("model: llama-3.1-70b\nparallel: {tp_size: 8}\nbatch: {tokens: 100}\n"), 0);
  CHECK(llama.cache_of_a_token == 80 * 2 * 128 * 2);
  CHECK(llama.cache == 100LL * 80 * 2 * 128 * 2);
}

TEST_CASE("DeepSeek-V3 fits on eight H200 and not on eight H100") {
  const MemoryUse use = memory_use(plan_of("model: deepseek-v3\n" + kDep8), 0);
  const MemoryFit large = memory_fit(use, load_hardware("hgx-h200")->gpu);
  CHECK(large.fits);
  CHECK(large.left == large.capacity - use.total());
  CHECK(large.most_cache_tokens ==
        (large.capacity - use.weights() - use.buffers()) / use.cache_of_a_token);
  const MemoryFit small = memory_fit(use, load_hardware("hgx-h100")->gpu);
  CHECK_FALSE(small.fits);
  CHECK(small.left < 0);
}

TEST_CASE("what an all-reduce overwrites is there once") {
  // TP8, 1,000 tokens: 8,192 columns of a row, 2 bytes each, and nothing for the sum.
  const MemoryUse use = memory_use(plan_of("model: {preset: llama-3.1-70b, num_hidden_layers: 2}\n"
                                           "parallel: {tp_size: 8}\nbatch: {tokens: 1000}\n"),
                                   0);
  CHECK(use.communication == 1000LL * 8192 * 2);
}

TEST_CASE("activations grow with the rows of the step, communication with what is gathered") {
  const auto use = [](int tokens) {
    return memory_use(plan_of("model: {preset: deepseek-v3, num_hidden_layers: 4}\n"
                              "parallel: {tp_size: 8, dp_size: 8, ep_size: 8, "
                              "enable_dp_attention: true}\nbatch: {tokens: " +
                              std::to_string(tokens) + "}\n"),
                      0);
  };
  CHECK(use(2048).activations > use(256).activations);
  // Gathered rows of eight shards in bf16: at least 8 * 2048 * 7168 * 2 bytes.
  CHECK(use(2048).communication >= 8LL * 2048 * 7168 * 2);
}

}  // namespace lockstep
