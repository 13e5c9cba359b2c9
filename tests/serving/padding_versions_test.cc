// Section 4.1 of the reference sheet: the versions of the choice of padding, V0 to V3.
#include <doctest/doctest.h>

#include "sim/serving/sglang/padding.h"
#include "tests/serving/inputs.h"

namespace lockstep::sglang {
namespace {

Parallel layout_of(int dp, int attn_tp) {
  Parallel p;
  p.tp = dp * attn_tp;
  p.attn_dp = dp;
  p.attn_tp = attn_tp;
  p.moe_tp = p.tp;
  p.dp_attention = dp > 1;
  return p;
}

PaddedCounts pad(const char* revision, const PaddingQuestion& question, const Parallel& parallel) {
  const auto padded = pad_counts(question, parallel, *resolve_revision(revision));
  REQUIRE(padded.has_value());
  return *padded;
}

using Modes = std::vector<Padding>;
using Rows = std::vector<int>;
constexpr Padding kMax = Padding::max_len;
constexpr Padding kSum = Padding::sum_len;

TEST_CASE("4.1: each version from its pull request on") {
  const auto version = [](const char* revision) {
    return padding_version(*resolve_revision(revision));
  };
  CHECK(version("8280") == PaddingVersion::v0);
  CHECK(version("10414^") == PaddingVersion::v0);
  CHECK(version("10414") == PaddingVersion::v1);
  CHECK(version("20406") == PaddingVersion::v2);
  CHECK(version("30898^") == PaddingVersion::v2);
  CHECK(version("30898") == PaddingVersion::v2b);
  CHECK(version("latest") == PaddingVersion::v3);
}

TEST_CASE("4.1 V0: the shard's own forward mode decides; V1: whether any shard extends") {
  PaddingQuestion mixed;
  mixed.tokens = {4, 4};
  mixed.extends = {true, false};
  mixed.is_extend = true;
  // The decoding shard: 2 * 8 = 16 > 4 * 2 = 8.
  CHECK(pad("10414^", mixed, layout_of(2, 1)).mode == Modes{kSum, kMax});
  CHECK(pad("10414", mixed, layout_of(2, 1)).mode == Modes{kSum, kSum});
  mixed.tokens = {4, 0};  // an idle shard: 2 * 4 = 8 > 8 is false
  CHECK(pad("10414^", mixed, layout_of(2, 1)).mode == Modes{kSum, kSum});
  PaddingQuestion decodes;
  decodes.tokens = {4, 3};
  decodes.extends = {false, false};
  CHECK(pad("10414^", decodes, layout_of(2, 1)).mode == Modes{kMax, kMax});
  CHECK(pad("10414^", decodes, layout_of(2, 1)).rows == Rows{4, 4});
}

TEST_CASE("4.1 V2: without attention DP an extend step is judged by the cost alone") {
  PaddingQuestion extends;
  extends.tokens = {333};
  extends.is_extend = true;
  extends.extends = {true};
  Parallel p = layout_of(1, 8);
  p.a2a = "deepep";
  p.ep = 8;
  p.moe_tp = 1;
  CHECK(pad("20406^", extends, p).mode == Modes{kSum});
  // 2 * 336 >= 336 * 1.
  CHECK(pad("20406", extends, p).mode == Modes{kMax});
}

TEST_CASE("4.1 V2b: a breakable prefill graph is MAX_LEN up to the largest captured size") {
  PaddingQuestion extends;
  extends.tokens = {5, 0, 17, 3};
  extends.extends = {true, false, true, true};
  extends.is_extend = true;
  extends.prefill_graph = {true, 17};
  const Parallel p = layout_of(4, 1);
  CHECK(pad("30898^", extends, p).mode == Modes(4, kSum));
  CHECK(pad("30898", extends, p).mode == Modes(4, kMax));
  CHECK(pad("30898", extends, p).rows == Rows(4, 17));
  CHECK(pad("latest", extends, p).mode == Modes(4, kMax));
  extends.prefill_graph.largest = 16;
  CHECK(pad("30898", extends, p).rows == Rows{5, 0, 17, 3});
  extends.prefill_graph.largest.reset();
  CHECK_FALSE(pad_counts(extends, p, *resolve_revision("30898")).has_value());
  extends.prefill_graph.possible = false;
  CHECK(pad("30898", extends, p).mode == Modes(4, kSum));
}

TEST_CASE("4.1 V3: with a list of length one the width is one, and a busy shard is MAX_LEN") {
  Parallel p = layout_of(4, 1);
  p.a2a = "deepep";
  p.dense_tp_1 = true;
  p.dp_lm_head = true;
  PaddingQuestion decodes;
  decodes.tokens = {5, 0, 5, 5};
  decodes.extends = {false, false, false, false};
  // V2b: busy 2 * 5 >= 5 * 4 is false. V3: 2 * 5 >= 5 * 1.
  CHECK(pad("30898", decodes, p).mode == Modes{kSum, kMax, kSum, kSum});
  CHECK(pad("latest", decodes, p).mode == Modes(4, kMax));
  CHECK(pad("latest", decodes, p).rows == Rows{5, 0, 5, 5});
}

// Through lowering: 4.1's days of the prefill graph under DP attention.
Result<Plan> prefill(const char* architecture, const char* revision, const char* backend,
                     std::optional<int> largest) {
  LoweringInput in =
      test::input(test::layout(4, 4, 4), revision, test::batch(ForwardMode::extend, {5, 0, 17, 3}));
  in.model = test::tiny_model(architecture);
  if (backend != nullptr) in.steps.front().prefill_graph = backend;
  in.steps.front().prefill_graph_tokens = largest;
  return lower(in);
}

Padding padding_of(const Result<Plan>& plan) {
  REQUIRE(static_cast<bool>(plan));
  REQUIRE(plan->unknown.empty());
  return plan->steps.front().padding;
}

TEST_CASE("4.1: the prefill graph is refused, then asked for, then the default; never with MLA") {
  constexpr const char* kQwen = "Qwen3MoeForCausalLM";
  CHECK_FALSE(static_cast<bool>(prefill(kQwen, "30898^", "breakable", 512)));
  CHECK(padding_of(prefill(kQwen, "30898", "breakable", 512)) == kMax);
  CHECK(padding_of(prefill(kQwen, "30898", nullptr, 512)) == kSum);
  CHECK(padding_of(prefill(kQwen, "31682", nullptr, 512)) == kMax);
  CHECK(padding_of(prefill(kQwen, "31682", nullptr, 16)) == kSum);
  CHECK(padding_of(prefill(kQwen, "31682", "disabled", 512)) == kSum);
  const Result<Plan> unknown = prefill(kQwen, "31682", nullptr, {});
  REQUIRE(static_cast<bool>(unknown));
  CHECK_FALSE(unknown->unknown.empty());
  constexpr const char* kDeepseek = "DeepseekV3ForCausalLM";
  CHECK(padding_of(prefill(kDeepseek, "latest", nullptr, 512)) == kSum);
  CHECK_FALSE(static_cast<bool>(prefill(kDeepseek, "latest", "breakable", 512)));
}

}  // namespace
}  // namespace lockstep::sglang
