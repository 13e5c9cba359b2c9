// Multi-head latent attention (DeepSeek-V2, section 2.1; DeepSeek-V3, section 2.1.1): keys and
// values of all heads are made from one vector per token, which is what the cache keeps, and a
// rotary key that the heads share.
#include "backend/numeric/arithmetic.h"
#include "backend/numeric/attention.h"

namespace lockstep::numeric {
namespace {

// Behind each head's part without position, the shared part with it: a row per position.
Matrix<float> joined(const Matrix<float>& without, const Matrix<float>& with, std::int64_t heads,
                     std::int64_t width) {
  const std::int64_t whole = width + with.columns();
  Matrix<float> out(without.rows(), heads * whole);
  for (std::int64_t r = 0; r < out.rows(); ++r) {
    for (std::int64_t h = 0; h < heads; ++h) {
      for (std::int64_t c = 0; c < whole; ++c) {
        out(r, h * whole + c) = c < width ? without(r, h * width + c) : with(r, c - width);
      }
    }
  }
  return out;
}

}  // namespace

Matrix<float> Attention::latent_queries(const Matrix<float>& x, int layer, const Heads& heads) {
  const Model& model = weights_.model();
  const std::int64_t width = query_width(model);
  const Interval columns{heads.query.first * width, heads.query.last * width};
  if (model.q_lora_rank == 0) return projected(x, WeightKind::query, layer, columns);
  const WeightBlock down = weights_.at({WeightKind::query_down, layer});
  const std::vector<float> gain = weights_.at({WeightKind::query_latent_norm, layer}).row();
  const Matrix<float> compressed =
      stored(rms_norm(stored(product(x, down), storage_), gain, model.rms_norm_eps), storage_);
  return projected(compressed, WeightKind::query, layer, columns);
}

Attention::Parts Attention::latent(const Matrix<float>& x, int layer, Shares shares,
                                   KeyValue& cache) {
  const Model& model = weights_.model();
  const Heads heads = heads_of(model, shares);
  const std::int64_t nope = model.qk_nope_head_dim;
  Matrix<float> queries = latent_queries(x, layer, heads);
  turn(queries, query_width(model), nope, cache.keys.rows());

  const std::int64_t rank = model.kv_lora_rank;
  const std::int64_t rotary = rotary_width(model);
  const Matrix<float> down = projected(x, WeightKind::latent_down, layer, {0, rank + rotary});
  Matrix<float> rotary_key = sliced(down, {rank, rank + rotary});
  turn(rotary_key, std::max<std::int64_t>(1, rotary), 0, cache.keys.rows());
  const std::vector<float> gain = weights_.at({WeightKind::latent_norm, layer}).row();
  const Matrix<float> normed =
      stored(rms_norm(sliced(down, {0, rank}), gain, model.rms_norm_eps), storage_);
  cache = {stacked(cache.keys, rotary_key), stacked(cache.values, normed)};

  const auto of_heads = [&](WeightKind kind, std::int64_t width) {
    return projected(cache.values, kind, layer,
                     {heads.query.first * width, heads.query.last * width});
  };
  const Matrix<float> keys = of_heads(WeightKind::latent_key, nope);
  return {std::move(queries),
          {joined(keys, cache.keys, heads.query.size(), nope),
           of_heads(WeightKind::latent_value, value_width(model))},
          1,
          heads.query.first,
          heads.query.first};
}

}  // namespace lockstep::numeric
