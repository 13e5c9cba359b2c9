#include "sim/cost/timeline/kernels_of.h"

namespace lockstep {
namespace {

constexpr std::int64_t kBf16 = 2;

std::int64_t in_bytes(const Shape& s, std::int64_t rows) {
  return rows * s.columns_in * s.bytes_in;
}
std::int64_t out_bytes(const Shape& s, std::int64_t rows) {
  return rows * s.columns_out * s.bytes_out;
}

// RMS norm, or the sum of hidden and residual with the norm of it: both are written.
Kernels norm_kernels(const Shape& s) {
  const bool adds = s.fusion == Fusion::adds_residual;
  const std::int64_t factor = adds ? 2 : 1;
  const std::int64_t read = factor * in_bytes(s, s.rows);
  const std::int64_t written = out_bytes(s, s.rows) + (factor - 1) * in_bytes(s, s.rows);
  return {{adds ? "add + norm" : "norm", Elementwise{read, written, s.rows, s.columns_in}}};
}

// Rows that no move writes are filled first: that writes the whole result once more.
Kernels copy_kernels(const Shape& s) {
  Kernels kernels;
  if (s.rows_out > s.moved) kernels.push_back({"fill", Elementwise{0, out_bytes(s, s.rows_out)}});
  if (s.moved > 0) {
    kernels.push_back({"copy", Elementwise{in_bytes(s, s.moved), out_bytes(s, s.moved)}});
  }
  return kernels;
}

Kernels plain(std::string_view name, const Shape& s) {
  return {{name, Elementwise{s.operands * in_bytes(s, s.rows), out_bytes(s, s.rows_out)}}};
}

Kernels linear_kernels(const Shape& s) {
  const Number number = s.bytes_in == 4 ? Number::fp32 : Number::bf16;
  return {{"product", Gemm{s.rows, s.columns_out, s.columns_in, number, number}}};
}

std::int64_t shared_width(const Model& model) {
  if (model.shared_expert_intermediate_size > 0) return model.shared_expert_intermediate_size;
  return std::int64_t{model.n_shared_experts} * model.moe_intermediate_size;
}

}  // namespace

NamedKernel elementwise(std::string_view name, std::int64_t rows, std::int64_t read,
                        std::int64_t written) {
  return {name, Elementwise{rows * read * kBf16, rows * written * kBf16}};
}

void add_product(Kernels& kernels, std::string_view name, const Gemm& gemm) {
  if (bytes_of(gemm.activations) < bytes_of(Number::bf16)) {
    const std::int64_t values = gemm.m * gemm.k;
    const auto narrow =
        static_cast<std::int64_t>(static_cast<double>(values) * bytes_of(gemm.activations));
    kernels.push_back({"cast", Elementwise{values * kBf16, narrow}});
  }
  kernels.push_back({name, gemm});
}

Kernels kernels_of(const Shape& shape, const Model& model) {
  const bool elsewhere =
      shape.fusion == Fusion::into_next || shape.fusion == Fusion::into_collective;
  if (elsewhere || (shape.rows == 0 && shape.rows_out == 0)) return {};
  switch (shape.kind) {
    case OpKind::attention:
      return attention_kernels(shape, model);
    case OpKind::dense:
      return dense_kernels(shape, model, model.intermediate_size);
    case OpKind::shared_expert:
      return dense_kernels(shape, model, shared_width(model));
    case OpKind::experts:
      return experts_kernels(shape, model);
    case OpKind::router:
      return router_kernels(shape, model);
    case OpKind::norm:
      return norm_kernels(shape);
    case OpKind::copy_rows:
      return copy_kernels(shape);
    case OpKind::lm_head:
      return {{"lm_head", Gemm{shape.rows, shape.columns_out, shape.columns_in}}};
    case OpKind::linear:
      return linear_kernels(shape);
    case OpKind::embed:
      return {{"embed",
               Elementwise{out_bytes(shape, shape.rows_out), out_bytes(shape, shape.rows_out)}}};
    case OpKind::add:
      return plain("add", shape);
    case OpKind::scale:
      return plain("scale", shape);
    case OpKind::qk_statistics:
      return plain("sums of squares", shape);
    case OpKind::compute:
      return shape.operands == 0 ? Kernels{} : plain("compute", shape);  // or an input
    case OpKind::slice_columns:
      return {{"slice",
               Elementwise{out_bytes(shape, shape.rows_out), out_bytes(shape, shape.rows_out)}}};
    default:
      return {};  // require, and what communicates
  }
}

}  // namespace lockstep
