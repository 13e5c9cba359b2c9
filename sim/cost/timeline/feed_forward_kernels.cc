// The kernels of dense feed-forwards, routers and experts.
//
// Routing is unknown; it is taken to be balanced: each token chooses k of E experts, every set
// equally likely. A rank that sees T tokens and has e experts then expects T k e / E rows, and hits
// e (1 - (1 - k / E)^T) of its experts. An all-to-all brings it the tokens that chose at least one
// of them: T (1 - (1 - e / E)^k).
#include <algorithm>

#include "sim/base/time.h"
#include "sim/cost/timeline/kernels_of.h"
#include "sim/cost/timeline/number_formats.h"

namespace lockstep {
namespace {

// base^exponent by squaring, without libm. REQUIRES: exponent >= 0.
double power(double base, std::int64_t exponent) {
  double result = 1;
  for (; exponent > 0; exponent /= 2) {
    if (exponent % 2 == 1) result *= base;
    base *= base;
  }
  return result;
}

std::int64_t part_of(std::int64_t whole, int parts) { return (whole + parts - 1) / parts; }

}  // namespace

Kernels dense_kernels(const Shape& s, const Model& model, std::int64_t inter) {
  const Format format = dense_format(model);
  const std::int64_t width = part_of(inter, s.parts);
  const std::int64_t hidden = model.hidden_size;
  Kernels kernels;
  add_product(kernels, "gate_up_proj",
              {s.rows, 2 * width, hidden, format.activations, format.weights});
  kernels.push_back(elementwise("activation", s.rows, 2 * width, width));
  add_product(kernels, "down_proj", {s.rows, hidden, width, format.activations, format.weights});
  return kernels;
}

// Rows of padding are routed nowhere, but the gather and the sum around the products see them.
Kernels experts_kernels(const Shape& s, const Model& model) {
  const Format format = experts_format(model);
  const double experts = std::max(1, model.n_routed_experts);
  const double chosen = static_cast<double>(model.num_experts_per_tok) / experts;
  const auto tokens = static_cast<double>(s.real_rows);
  ExpertsGemm gemm;
  gemm.tokens =
      s.dispatched
          ? nearest(tokens * (1 - power(1 - s.experts / experts, model.num_experts_per_tok)))
          : s.rows;
  gemm.rows = nearest(tokens * chosen * s.experts);
  gemm.experts = s.experts;
  gemm.experts_hit = s.experts * (1 - power(1 - chosen, s.real_rows));
  gemm.hidden = model.hidden_size;
  gemm.inter = part_of(model.moe_intermediate_size, s.parts);
  gemm.activations = format.activations;
  gemm.weights = format.weights;
  if (s.shared_parts > 0) {  // one more expert, which every token chooses
    gemm.rows += s.real_rows * model.n_shared_experts;
    gemm.experts += model.n_shared_experts;
    gemm.experts_hit += s.real_rows > 0 ? model.n_shared_experts : 0;
  }
  return {{"experts", gemm}};
}

Kernels router_kernels(const Shape& s, const Model& model) {
  return {{"gate", Gemm{s.rows, model.n_routed_experts, model.hidden_size}},
          {"top-k", TopK{s.rows, model.n_routed_experts, model.num_experts_per_tok}}};
}

}  // namespace lockstep
