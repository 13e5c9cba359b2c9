// The kernels of an attention block: projections, rotation, the attention itself.
//
// GQA: one projection makes query, key and value. MLA (DeepSeek-V2, section 2.1): the token is
// compressed first; an extend multiplies keys and values out, a decode folds that product into the
// query and the output ("absorbed"), and reads the compressed cache.
#include <algorithm>

#include "sim/cost/timeline/kernels_of.h"
#include "sim/cost/timeline/number_formats.h"

namespace lockstep {
namespace {

std::int64_t local_heads(std::int64_t heads, int parts) {
  return std::max<std::int64_t>(1, (heads + parts - 1) / parts);
}

Gemm product(const Model& model, std::int64_t m, std::int64_t n, std::int64_t k) {
  const Format format = attention_format(model);
  return {m, n, k, format.activations, format.weights};
}

Attention attention_on(const AttentionLoad& load, std::int64_t heads) {
  Attention attention;
  attention.decode = load.decode;
  attention.requests = load.requests;
  attention.tokens = load.tokens;
  attention.pairs = load.pairs;
  attention.kv_tokens = load.kv_tokens;
  attention.heads = heads;
  return attention;
}

Kernels gqa_kernels(const Shape& s, const Model& model) {
  const std::int64_t heads = local_heads(model.num_attention_heads, s.parts);
  const std::int64_t kv_heads = local_heads(
      model.num_key_value_heads > 0 ? model.num_key_value_heads : model.num_attention_heads,
      s.parts);
  const std::int64_t dim =
      model.head_dim > 0 ? model.head_dim
                         : std::max(1, model.hidden_size / std::max(1, model.num_attention_heads));
  const std::int64_t turned = (heads + kv_heads) * dim;
  Kernels kernels;
  add_product(kernels, "qkv_proj",
              product(model, s.rows, (heads + 2 * kv_heads) * dim, model.hidden_size));
  if (model.use_qk_norm) kernels.push_back(elementwise("qk_norm", s.rows, turned, turned));
  kernels.push_back(
      elementwise("rotate + cache", s.rows, turned + kv_heads * dim, turned + 2 * kv_heads * dim));
  Attention attention = attention_on(s.load, heads);
  attention.kv_heads = kv_heads;
  attention.qk_dim = dim;
  attention.v_dim = dim;
  if (s.load.tokens > 0) kernels.push_back({"attention", attention});
  add_product(kernels, "o_proj", product(model, s.rows, model.hidden_size, heads * dim));
  return kernels;
}

// The query, whole or from its compressed form, and the compressed key and value.
void add_latent_inputs(Kernels& kernels, const Shape& s, const Model& model, std::int64_t heads) {
  const std::int64_t query = heads * (model.qk_nope_head_dim + model.qk_rope_head_dim);
  const std::int64_t cached = std::int64_t{model.kv_lora_rank} + model.qk_rope_head_dim;
  if (model.q_lora_rank > 0) {
    const std::int64_t down = model.q_lora_rank + cached;
    add_product(kernels, "qkv_a_proj", product(model, s.rows, down, model.hidden_size));
    kernels.push_back(elementwise("q_a + kv_a norm", s.rows, down, down));
    add_product(kernels, "q_b_proj", product(model, s.rows, query, model.q_lora_rank));
  } else {
    add_product(kernels, "q_proj", product(model, s.rows, query, model.hidden_size));
    add_product(kernels, "kv_a_proj", product(model, s.rows, cached, model.hidden_size));
    kernels.push_back(elementwise("kv_a norm", s.rows, cached, cached));
  }
  const std::int64_t turned = (heads + 1) * model.qk_rope_head_dim;
  kernels.push_back(elementwise("rotate + cache", s.rows, turned + cached, turned + cached));
}

// Keys and values of every position that is read, cached ones too, are multiplied out.
void add_latent_extend(Kernels& kernels, const Shape& s, const Model& model, std::int64_t heads) {
  Attention attention = attention_on(s.load, heads);
  attention.latent = true;
  attention.kv_heads = heads;
  attention.qk_dim = std::int64_t{model.qk_nope_head_dim} + model.qk_rope_head_dim;
  attention.v_dim = model.v_head_dim;
  if (s.load.tokens == 0) return;
  add_product(kernels, "kv_b_proj",
              product(model, s.load.kv_tokens, heads * (model.qk_nope_head_dim + model.v_head_dim),
                      model.kv_lora_rank));
  kernels.push_back({"attention", attention});
}

void add_latent_decode(Kernels& kernels, const Shape& s, const Model& model, std::int64_t heads) {
  Attention attention = attention_on(s.load, heads);
  attention.latent = true;
  attention.kv_heads = 1;
  attention.qk_dim = std::int64_t{model.kv_lora_rank} + model.qk_rope_head_dim;
  attention.v_dim = model.kv_lora_rank;
  const int batch = static_cast<int>(heads);
  Gemm into{s.rows, model.kv_lora_rank, model.qk_nope_head_dim};
  Gemm out{s.rows, model.v_head_dim, model.kv_lora_rank};
  into.batch = batch;
  out.batch = batch;
  kernels.push_back({"absorbed key", into});
  if (s.load.tokens > 0) kernels.push_back({"attention", attention});
  kernels.push_back({"absorbed value", out});
}

}  // namespace

Kernels attention_kernels(const Shape& s, const Model& model) {
  if (!model.is_latent()) return gqa_kernels(s, model);
  const std::int64_t heads = local_heads(model.num_attention_heads, s.parts);
  Kernels kernels;
  add_latent_inputs(kernels, s, model, heads);
  if (s.load.decode) {
    add_latent_decode(kernels, s, model, heads);
  } else {
    add_latent_extend(kernels, s, model, heads);
  }
  add_product(kernels, "o_proj",
              product(model, s.rows, model.hidden_size, heads * model.v_head_dim));
  return kernels;
}

}  // namespace lockstep
