#include <doctest/doctest.h>

#include <string>

#include "sim/cost/timeline/kernels_of.h"
#include "tests/cost/timeline/fake_cost.h"
#include "tests/serving/inputs.h"

namespace lockstep::test {
namespace {

Model kimi() {
  Model model = kimi_k2_6();
  model.q_lora_rank = 1536;
  model.kv_lora_rank = 512;
  model.qk_nope_head_dim = 128;
  model.qk_rope_head_dim = 64;
  model.v_head_dim = 128;
  model.quantization = "int4";
  return model;
}

std::string names(const Kernels& kernels) {
  std::string text;
  for (const NamedKernel& kernel : kernels) {
    text += (text.empty() ? "" : ", ") + std::string(kernel.name);
  }
  return text;
}

template <class K>
K kernel_named(const Kernels& kernels, std::string_view name) {
  for (const NamedKernel& kernel : kernels) {
    if (kernel.name == name) return std::get<K>(kernel.kernel);
  }
  FAIL("no kernel " << std::string(name));
  return {};
}

Shape attention_shape(bool decode, std::int64_t tokens, std::int64_t kv_tokens) {
  Shape shape;
  shape.kind = OpKind::attention;
  shape.rows = shape.rows_out = tokens;
  shape.load = {decode, decode ? tokens : 1, tokens, kv_tokens, kv_tokens};
  return shape;
}

TEST_CASE("a decode of latent attention folds the key and value products into query and output") {
  const Kernels kernels = kernels_of(attention_shape(true, 16, 16 * 1024), kimi());
  CHECK(names(kernels) ==
        "qkv_a_proj, q_a + kv_a norm, q_b_proj, rotate + cache, absorbed key, attention, absorbed "
        "value, o_proj");
  const auto down = kernel_named<Gemm>(kernels, "qkv_a_proj");
  CHECK(down.n == 1536 + 512 + 64);  // q_lora_rank + kv_lora_rank + rope
  CHECK(down.k == 7168);
  CHECK(down.weights == Number::bf16);  // int4 is of the experts alone
  const auto attention = kernel_named<Attention>(kernels, "attention");
  CHECK(attention.qk_dim == 512 + 64);
  CHECK(attention.kv_heads == 1);
  CHECK(attention.heads == 64);
  CHECK(kernel_named<Gemm>(kernels, "absorbed value").batch == 64);
}

TEST_CASE("an extend of latent attention multiplies keys and values out, cached ones too") {
  const Kernels kernels = kernels_of(attention_shape(false, 100, 300), kimi());
  const auto out = kernel_named<Gemm>(kernels, "kv_b_proj");
  CHECK(out.m == 300);
  CHECK(out.n == 64 * (128 + 128));
  CHECK(kernel_named<Attention>(kernels, "attention").qk_dim == 128 + 64);
}

TEST_CASE("attention heads are cut over the ranks of its group, at least one key head each") {
  Model model = kimi();
  model.kv_lora_rank = 0;
  model.head_dim = 128;
  model.num_key_value_heads = 4;
  Shape shape = attention_shape(true, 8, 8);
  shape.parts = 8;
  const Kernels kernels = kernels_of(shape, model);
  CHECK(kernel_named<Gemm>(kernels, "qkv_proj").n == (64 / 8 + 2 * 1) * 128);
  CHECK(kernel_named<Gemm>(kernels, "o_proj").k == 64 / 8 * 128);
}

TEST_CASE("balanced routing gives each expert its share of the rows, and hits those it can") {
  Shape shape;
  shape.kind = OpKind::experts;
  shape.rows = shape.rows_out = 64;
  shape.real_rows = 48;  // the others are padding: they are routed nowhere
  shape.experts = 48;    // of 384
  const Kernels kernels = kernels_of(shape, kimi());
  const auto experts = kernel_named<ExpertsGemm>(kernels, "experts");
  CHECK(experts.tokens == 64);
  CHECK(experts.rows == 48 * 8 * 48 / 384);  // tokens x k x e / E
  // e (1 - (1 - k/E)^T) = 48 (1 - (47/48)^48) = 48 (1 - 0.36402)
  CHECK(experts.experts_hit == doctest::Approx(48 * (1 - 0.36402)).epsilon(1e-4));
  CHECK(experts.weights == Number::int4);
  CHECK(experts.activations == Number::bf16);
}

TEST_CASE("a fused shared expert is one that every token chooses") {
  Shape shape;
  shape.kind = OpKind::experts;
  shape.rows = shape.rows_out = shape.real_rows = 48;
  shape.experts = 48;
  shape.shared_parts = 1;
  const auto experts = kernel_named<ExpertsGemm>(kernels_of(shape, kimi()), "experts");
  CHECK(experts.rows == 48 + 48);
  CHECK(experts.experts == 48 + 1);
}

TEST_CASE("an all-to-all brings a rank only the tokens that chose one of its experts") {
  Shape shape;
  shape.kind = OpKind::experts;
  shape.rows = shape.rows_out = shape.real_rows = 1000;
  shape.experts = 192;  // half of 384: a token misses them with (1/2)^8
  shape.dispatched = true;
  const auto experts = kernel_named<ExpertsGemm>(kernels_of(shape, kimi()), "experts");
  CHECK(experts.tokens == 996);  // 1000 (1 - 1/256) = 996.09
}

TEST_CASE("narrow activations are cast before each product") {
  Model model = kimi();
  model.quantization = "fp8";
  Shape shape;
  shape.kind = OpKind::dense;
  shape.rows = shape.rows_out = 10;
  shape.parts = 8;
  const Kernels kernels = kernels_of(shape, model);
  CHECK(names(kernels) == "cast, gate_up_proj, activation, cast, down_proj");
  CHECK(kernel_named<Gemm>(kernels, "gate_up_proj").n == 2 * 18432 / 8);
  CHECK(kernel_named<Gemm>(kernels, "down_proj").weights == Number::fp8);
  const auto cast = kernel_named<Elementwise>(kernels, "cast");  // 10 x 7168 from 2 bytes to 1
  CHECK(cast.read_bytes == 10 * 7168 * 2);
  CHECK(cast.written_bytes == 10 * 7168);
}

TEST_CASE("no rows, no kernels") {
  Shape shape = attention_shape(false, 0, 0);
  CHECK(kernels_of(shape, kimi()).empty());
}

TEST_CASE("a token sees what is cached and what is new up to itself, within its window") {
  Plan plan;
  plan.model = kimi();
  plan.layouts = {{"own", {{{{0, 4}}}, {0}}}};
  plan.steps = {{Padding::none, false, {{0, 0, 0, 4, 10}}}};
  AttentionLoads loads(plan);
  const LayoutId own{0};
  // 4 new tokens after 10: 11 + 12 + 13 + 14
  CHECK(loads.at(0, own, 0, 0).pairs == 11 + 12 + 13 + 14);
  CHECK(loads.at(0, own, 0, 0).kv_tokens == 14);
  // of 12 positions at most: 11 + 12 + 12 + 12; the first reads 12, each other one more
  CHECK(loads.at(0, own, 0, 12).pairs == 11 + 12 + 12 + 12);
  CHECK_FALSE(loads.at(0, own, 0, 0).decode);
}

TEST_CASE("rows of padding in a decode step are requests of one token") {
  Plan plan;
  plan.layouts = {{"own", {{{{0, 2}, {kPadding, 6}}, {{kPadding, 8}}}, {0, 1}}}};
  plan.steps = {{Padding::max_len, true, {{0, 0, 0, 1, 100}, {0, 1, 1, 1, 50}}}};
  AttentionLoads loads(plan);
  const AttentionLoad& busy = loads.at(0, LayoutId{0}, 0, 0);
  CHECK(busy.decode);
  CHECK(busy.requests == 2 + 6);
  CHECK(busy.kv_tokens == 101 + 51 + 6);
  CHECK(loads.at(0, LayoutId{0}, 1, 0).requests == 8);
}

TEST_CASE("the width of an element is in the name of its type") {
  CHECK(element_bytes("bfloat16") == 2);
  CHECK(element_bytes("float32") == 4);
  CHECK(element_bytes("float8_e4m3fn") == 1);
  CHECK(element_bytes("int64") == 8);
}

}  // namespace
}  // namespace lockstep::test
