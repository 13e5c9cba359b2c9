// The kernels of a forward step as the cost models see them: shapes, never tensors.
#pragma once

#include <cstdint>
#include <string>
#include <variant>

namespace lockstep {

enum class Number : std::uint8_t { fp32, bf16, fp16, fp8, fp4, int4 };
double bytes_of(Number number);  // fp4 and int4: 0.5, without scales

// out[m, n] = in[m, k] * weights[k, n].
struct Gemm {
  std::int64_t m = 0;
  std::int64_t n = 0;
  std::int64_t k = 0;
  Number activations = Number::bf16;
  Number weights = Number::bf16;
  int batch = 1;  // independent products of this shape in one launch (the absorbed parts of MLA)
};

// The experts of one rank on their rows: gate and up, activation, down, and the gather and
// weighting around them.
struct ExpertsGemm {
  std::int64_t rows = 0;     // pairs of a token and a chosen expert on this rank, expected
  std::int64_t tokens = 0;   // that the rank sees
  std::int64_t experts = 0;  // of this rank
  double experts_hit = 0;    // of those, with at least one row, expected
  std::int64_t hidden = 0;
  std::int64_t inter = 0;  // columns of one expert on this rank
  Number activations = Number::bf16;
  Number weights = Number::bf16;
};

// New tokens against what is cached and themselves, causal. Sums over the requests of the rank.
struct Attention {
  bool decode = false;  // one new token a request
  bool latent = false;  // MLA: decode reads the compressed cache (absorbed)
  std::int64_t requests = 0;
  std::int64_t tokens = 0;     // new
  std::int64_t pairs = 0;      // (new token, position it sees)
  std::int64_t kv_tokens = 0;  // read from the cache, new ones included
  std::int64_t heads = 0;      // of this rank
  std::int64_t kv_heads = 0;   // of this rank; latent: 1
  std::int64_t qk_dim = 0;     // of one head: latent decode: kv_lora_rank + rope
  std::int64_t v_dim = 0;
  Number cache = Number::bf16;
};

// Norms, additions, activations, copies, casts: what is read and written decides.
struct Elementwise {
  std::int64_t read_bytes = 0;
  std::int64_t written_bytes = 0;
  std::int64_t rows = 0;     // of a norm, a block of threads each; 0: no norm
  std::int64_t columns = 0;  // of such a row
};

// The router's choice, after its product.
struct TopK {
  std::int64_t rows = 0;
  std::int64_t experts = 0;
  int chosen = 0;
};

using Kernel = std::variant<Gemm, ExpertsGemm, Attention, Elementwise, TopK>;

}  // namespace lockstep
