#include "tests/numeric/plain_formulas.h"

#include <algorithm>
#include <cmath>
#include <complex>

namespace lockstep::test {
namespace {

using numeric::WeightKind;
using numeric::Weights;

Row vector_of(Weights& weights, numeric::WeightName name) {
  const std::vector<float> row = weights.at(name).row();
  return {row.begin(), row.end()};
}

Row part(const Row& x, int first, int count) {
  return {x.begin() + first, x.begin() + first + count};
}

double dot(const Row& a, const Row& b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
  return sum;
}

Row plus(Row a, const Row& b) {
  for (std::size_t i = 0; i < a.size(); ++i) a[i] += b[i];
  return a;
}

double sigma(double x) { return 1 / (1 + std::exp(-x)); }

// x_i g_i / sqrt(|x|^2 / n + epsilon)
Row rms(Row x, const Row& gain, double epsilon) {
  const double scale = 1 / std::sqrt(dot(x, x) / static_cast<double>(x.size()) + epsilon);
  for (std::size_t i = 0; i < x.size(); ++i) x[i] *= gain[i] * scale;
  return x;
}

// (x_i + j x_{i + d/2}) * e^(j p theta^(-2i/d)) for the first d elements.
Row turned(Row x, int first, int d, int position, double theta) {
  for (int i = 0; i < d / 2; ++i) {
    double& real = x[static_cast<std::size_t>(first + i)];
    double& imaginary = x[static_cast<std::size_t>(first + i + d / 2)];
    const std::complex<double> z =
        std::complex<double>(real, imaginary) *
        std::polar(1.0, position / std::pow(theta, 2.0 * i / static_cast<double>(d)));
    real = z.real();
    imaginary = z.imag();
  }
  return x;
}

// A token as attention sees it: a query, key and value per query head.
struct Token {
  Rows queries, keys, values;
};

// Splits into `heads` heads, norms and turns each of them.
Rows heads_of(Weights& weights, int layer, Row all, WeightKind gains, int position, bool over_all) {
  const Model& m = weights.model();
  const Row gain = vector_of(weights, {gains, layer});
  if (over_all) all = rms(all, gain, m.rms_norm_eps);
  Rows heads;
  for (std::size_t at = 0; at < all.size(); at += 4) {
    Row head = part(all, static_cast<int>(at), 4);
    if (!over_all && m.use_qk_norm) head = rms(head, part(gain, 0, 4), m.rms_norm_eps);
    const int rotary = static_cast<int>(4 * m.partial_rotary_factor);
    heads.push_back(turned(head, 0, rotary, position, m.rope_theta));
  }
  return heads;
}

Rows repeated(const Rows& kv, int heads) {
  Rows all;
  for (int h = 0; h < heads; ++h) {
    all.push_back(kv[static_cast<std::size_t>(h) * kv.size() / static_cast<std::size_t>(heads)]);
  }
  return all;
}

Rows split(const Row& all, int width) {
  Rows heads;
  for (std::size_t at = 0; at < all.size(); at += static_cast<std::size_t>(width)) {
    heads.push_back(part(all, static_cast<int>(at), width));
  }
  return heads;
}

Row projected(Weights& weights, int layer, const Row& x, WeightKind kind, WeightKind bias) {
  const Row y = times(x, weights, {kind, layer});
  return weights.model().qkv_bias ? plus(y, vector_of(weights, {bias, layer})) : y;
}

Token grouped_token(Weights& weights, int layer, const Row& x, int position, bool over_all) {
  const int heads = weights.model().num_attention_heads;
  const Row q = projected(weights, layer, x, WeightKind::query, WeightKind::query_bias);
  const Row k = projected(weights, layer, x, WeightKind::key, WeightKind::key_bias);
  const Row v = projected(weights, layer, x, WeightKind::value, WeightKind::value_bias);
  return {heads_of(weights, layer, q, WeightKind::query_norm, position, over_all),
          repeated(heads_of(weights, layer, k, WeightKind::key_norm, position, over_all), heads),
          repeated(split(v, 4), heads)};
}

// Keys and values of all heads from the normed latent and the turned rotary key.
void expand(Weights& weights, int layer, const Row& latent, const Row& rotary, Token& token) {
  const Model& m = weights.model();
  token.keys = split(times(latent, weights, {WeightKind::latent_key, layer}), m.qk_nope_head_dim);
  for (Row& key : token.keys) key.insert(key.end(), rotary.begin(), rotary.end());
  token.values = split(times(latent, weights, {WeightKind::latent_value, layer}), m.v_head_dim);
}

Token latent_token(Weights& weights, int layer, const Row& x, int position) {
  const Model& m = weights.model();
  Row c = x;
  if (m.q_lora_rank > 0) {
    c = rms(times(x, weights, {WeightKind::query_down, layer}),
            vector_of(weights, {WeightKind::query_latent_norm, layer}), m.rms_norm_eps);
  }
  Token token;
  for (const Row& q : split(times(c, weights, {WeightKind::query, layer}),
                            m.qk_nope_head_dim + m.qk_rope_head_dim)) {
    token.queries.push_back(
        turned(q, m.qk_nope_head_dim, m.qk_rope_head_dim, position, m.rope_theta));
  }
  const Row down = times(x, weights, {WeightKind::latent_down, layer});
  expand(weights, layer,
         rms(part(down, 0, m.kv_lora_rank), vector_of(weights, {WeightKind::latent_norm, layer}),
             m.rms_norm_eps),
         turned(part(down, m.kv_lora_rank, m.qk_rope_head_dim), 0, m.qk_rope_head_dim, position,
                m.rope_theta),
         token);
  return token;
}

// A cached position that no step computed.
Token drawn_token(Weights& weights, int layer, int position) {
  const auto drawn = [&](WeightKind kind) {
    const std::vector<float> row =
        weights.at({kind, layer, 0}).rows({position, position + 1}).row();
    return Row(row.begin(), row.end());
  };
  const Row key = drawn(WeightKind::prefix_key);
  const Row value = drawn(WeightKind::prefix_value);
  Token token;
  const int heads = weights.model().num_attention_heads;
  if (weights.model().is_latent()) {
    expand(weights, layer, value, key, token);
  } else {
    token.keys = repeated(split(key, 4), heads);
    token.values = repeated(split(value, 4), heads);
  }
  return token;
}

// sum over p of e^(s_p) v_p / (e^sink + sum over p of e^(s_p)), s_p = q . k_p / sqrt(n).
Row attended(const std::vector<Token>& tokens, std::size_t position, std::size_t head,
             std::size_t window, const double* sink) {
  const Row& q = tokens[position].queries[head];
  Row out(tokens[position].values[head].size(), 0.0);
  double total = sink != nullptr ? std::exp(*sink) : 0.0;
  for (std::size_t p = 0; p <= position; ++p) {
    if (window > 0 && p + window <= position) continue;
    const double s =
        std::exp(dot(q, tokens[p].keys[head]) / std::sqrt(static_cast<double>(q.size())));
    total += s;
    for (std::size_t i = 0; i < out.size(); ++i) out[i] += s * tokens[p].values[head][i];
  }
  for (double& v : out) v /= total;
  return out;
}

// down(u): gate and up by the formula of `limit`.
double activation(double gate, double up, double limit) {
  if (limit == 0) return gate * sigma(gate) * up;
  const double g = std::min(gate, limit);
  const double u = std::max(-limit, std::min(limit, up));
  return (u + 1) * g * sigma(1.702 * g);
}

}  // namespace

Rows rows_of(const numeric::Matrix<double>& x) {
  Rows rows;
  for (std::int64_t r = 0; r < x.rows(); ++r) rows.emplace_back(x.row(r).begin(), x.row(r).end());
  return rows;
}

numeric::Matrix<double> matrix_of(const Rows& rows) {
  numeric::Matrix<double> out(static_cast<std::int64_t>(rows.size()),
                              static_cast<std::int64_t>(rows.front().size()));
  for (std::size_t r = 0; r < rows.size(); ++r) {
    std::ranges::copy(rows[r], out.row(static_cast<std::int64_t>(r)).begin());
  }
  return out;
}

Row times(const Row& x, Weights& weights, numeric::WeightName name) {
  const numeric::Matrix<float> w = weights.at(name).drawn();
  Row y(static_cast<std::size_t>(w.columns()), 0.0);
  for (std::size_t c = 0; c < y.size(); ++c) {
    for (std::size_t k = 0; k < x.size(); ++k) {
      y[c] +=
          x[k] * static_cast<double>(w(static_cast<std::int64_t>(k), static_cast<std::int64_t>(c)));
    }
  }
  return y;
}

Rows plain_attention(Weights& weights, int layer, const Rows& x, int prefix, bool norms_all_heads) {
  const Model& m = weights.model();
  std::vector<Token> tokens;
  for (int p = 0; p < prefix; ++p) tokens.push_back(drawn_token(weights, layer, p));
  for (const Row& row : x) {
    const int position = static_cast<int>(tokens.size());
    tokens.push_back(m.is_latent() ? latent_token(weights, layer, row, position)
                                   : grouped_token(weights, layer, row, position, norms_all_heads));
  }
  const bool has_window = m.layer_types.empty() || layer % 2 == 0;
  const auto window = static_cast<std::size_t>(has_window ? m.sliding_window : 0);
  const Row sinks = vector_of(weights, {WeightKind::sink, layer});
  Rows out;
  for (std::size_t t = static_cast<std::size_t>(prefix); t < tokens.size(); ++t) {
    Row mixed;
    for (std::size_t h = 0; h < tokens[t].queries.size(); ++h) {
      const Row head = attended(tokens, t, h, window, m.attention_sinks ? &sinks[h] : nullptr);
      mixed.insert(mixed.end(), head.begin(), head.end());
    }
    out.push_back(times(mixed, weights, {WeightKind::attention_out, layer}));
  }
  return out;
}

Row plain_shared(Weights& weights, int layer, const Row& x) {
  const Row gate = times(x, weights, {WeightKind::shared_gate, layer});
  Row hidden = times(x, weights, {WeightKind::shared_up, layer});
  for (std::size_t i = 0; i < hidden.size(); ++i) hidden[i] = activation(gate[i], hidden[i], 0);
  Row y = times(hidden, weights, {WeightKind::shared_down, layer});
  if (weights.model().shared_expert_gate) {
    const double g = sigma(times(x, weights, {WeightKind::shared_expert_gate, layer})[0]);
    for (double& v : y) v *= g;
  }
  return y;
}

Row plain_expert(Weights& weights, int layer, int expert, const Row& x) {
  const bool bias = weights.model().expert_bias;
  const auto with = [&](const Row& from, WeightKind kind, WeightKind bias_kind) {
    const Row y = times(from, weights, {kind, layer, expert});
    return bias ? plus(y, vector_of(weights, {bias_kind, layer, expert})) : y;
  };
  const Row gate = with(x, WeightKind::expert_gate, WeightKind::expert_gate_bias);
  Row hidden = with(x, WeightKind::expert_up, WeightKind::expert_up_bias);
  for (std::size_t i = 0; i < hidden.size(); ++i) {
    hidden[i] = activation(gate[i], hidden[i], weights.model().swiglu_limit);
  }
  return with(hidden, WeightKind::expert_down, WeightKind::expert_down_bias);
}

}  // namespace lockstep::test
