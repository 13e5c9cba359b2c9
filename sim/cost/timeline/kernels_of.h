// The kernels that an operation of a plan runs on one rank, in their order.
#pragma once

#include <string_view>
#include <vector>

#include "sim/cost/kernel.h"
#include "sim/cost/timeline/shape.h"
#include "sim/model/model.h"

namespace lockstep {

struct NamedKernel {
  std::string_view name;  // a literal: "qkv_proj", "o_proj", ...
  Kernel kernel;
};
using Kernels = std::vector<NamedKernel>;

// Of any operation that does not communicate. None where there are no rows: a rank without tokens
// launches nothing.
Kernels kernels_of(const Shape& shape, const Model& model);

// Its parts: attention (attention_kernels.cc), feed-forwards and experts
// (feed_forward_kernels.cc); the rest, row by row, is in kernels_of.cc.
Kernels attention_kernels(const Shape& shape, const Model& model);
Kernels dense_kernels(const Shape& shape, const Model& model, std::int64_t inter);
Kernels experts_kernels(const Shape& shape, const Model& model);
Kernels router_kernels(const Shape& shape, const Model& model);

// Reads and writes so many values of two bytes, row by row.
NamedKernel elementwise(std::string_view name, std::int64_t rows, std::int64_t read,
                        std::int64_t written);
// A product, after the cast of its operand where the format has narrow activations.
void add_product(Kernels& kernels, std::string_view name, const Gemm& gemm);

}  // namespace lockstep
