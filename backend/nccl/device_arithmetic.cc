// What is a product, a kernel of its own, or a copy of memory.
#include "backend/nccl/device_arithmetic.h"

#include <utility>

#include "backend/nccl/cuda_error.h"
#include "backend/nccl/kernels.h"
#include "backend/numeric/weight_shapes.h"
#include "sim/base/require.h"

namespace lockstep::nccl {

using numeric::HeadPlaces;
using numeric::Held;
using numeric::Matrix;
using numeric::WeightBlock;
using numeric::WeightKind;

namespace {

HeadLayout layout_of(const Model& model, const DeviceValues& queries, HeadPlaces heads) {
  const std::int64_t width = numeric::query_width(model);
  return {queries.columns() / width, width,          numeric::value_width(model),
          heads.first_query,         heads.first_kv, heads.group};
}

}  // namespace

// ---- to and from the host -----------------------------------------------------------------------

DeviceValues DeviceArithmetic::from_host(const Matrix<float>& x) const {
  return uploaded(device(), x, kept_type());
}

DeviceHeld DeviceArithmetic::tensor_from_host(const Held& held) const {
  if (!held) return nullptr;
  return made(held->columns, from_host(held->values));
}

Matrix<float> DeviceArithmetic::to_host(const Values& x) const { return downloaded(device(), x); }

Held DeviceArithmetic::tensor_to_host(const Tensor& tensor) const {
  if (!tensor) return nullptr;
  return numeric::make_held(tensor->columns, to_host(tensor->values));
}

// ---- made of nothing ----------------------------------------------------------------------------

DeviceValues DeviceArithmetic::undefined(std::int64_t rows, std::int64_t columns) const {
  Values out = make(rows, columns, kept_type());
  out.set_to_nan(device());
  return out;
}

DeviceValues DeviceArithmetic::zero_sum(std::int64_t rows, std::int64_t columns) const {
  Values out = make(rows, columns, ElementType::float32);
  out.set_to_zero(device());
  return out;
}

DeviceValues DeviceArithmetic::embedded(const WeightBlock& table,
                                        std::span<const std::int64_t> ids) const {
  return weights_->rows_of(table, {ids.begin(), ids.end()});
}

// ---- moved --------------------------------------------------------------------------------------

DeviceValues DeviceArithmetic::stacked(const Values& above, const Values& below) const {
  if (above.element_count() == 0 && above.rows() == 0) return below;
  LOCKSTEP_ASSERT(above.type() == below.type() && above.columns() == below.columns());
  Values out = make(above.rows() + below.rows(), below.columns(), below.type());
  auto* to = static_cast<std::byte*>(out.data());
  for (const Values* part : {&above, &below}) {
    if (part->bytes() == 0) continue;
    check(cudaMemcpyAsync(to, part->data(), static_cast<std::size_t>(part->bytes()),
                          cudaMemcpyDeviceToDevice, device().stream()),
          "stacking values");
    to += part->bytes();
  }
  return out;
}

void DeviceArithmetic::place(Values& to, const Values& x,
                             const std::vector<std::int64_t>& at) const {
  LOCKSTEP_ASSERT(to.columns() == x.columns() || x.rows() == 0);
  to.own(device());
  place_rows(device(), converted(x, to.type()), list(at), to);
}

// ---- computed -----------------------------------------------------------------------------------

DeviceValues DeviceArithmetic::multiplied(const Values& x, const WeightBlock& block,
                                          ElementType type) const {
  Values out = make(x.rows(), block.column_count(), type);
  if (x.columns() != block.row_count()) {
    out.set_to_nan(device());
  } else if (out.element_count() > 0) {
    multiply(device(), converted(x, kept_type()), weights_->block(block), out);
  }
  return out;
}

DeviceValues DeviceArithmetic::product(const Values& x, const WeightBlock& block) const {
  return multiplied(x, block, kept_type());
}

DeviceValues DeviceArithmetic::product_unrounded(const Values& x, const WeightBlock& block) const {
  return multiplied(x, block, ElementType::float32);
}

DeviceValues DeviceArithmetic::normed(const Values& x, const WeightBlock& gain,
                                      std::int64_t width) const {
  Values out = make(x.rows(), x.columns(), x.type());
  if (width > 0) {
    norm_rows(device(), x, weights_->row(gain), width, model().rms_norm_eps, out);
  }
  return kept(out);
}

DeviceValues DeviceArithmetic::mixed(const Values& queries, const Values& keys,
                                     const Values& values, HeadPlaces heads, int layer) const {
  const HeadLayout layout = layout_of(model(), queries, heads);
  Values sinks;
  if (model().attention_sinks) sinks = weights_->row(weights().at({WeightKind::sink, layer}));
  Values out = make(queries.rows(), layout.heads * layout.value_width, kept_type());
  attend(device(), queries, keys, values, sinks, layout,
         {keys.rows() - queries.rows(), model().window_of(layer)}, out);
  return out;
}

DeviceValues DeviceArithmetic::squares(const Values& queries, const Values& keys,
                                       HeadPlaces heads) const {
  Values out = make(queries.rows(), 2, ElementType::float32);
  sum_squares(device(), queries, keys, layout_of(model(), queries, heads), out);
  return out;
}

DeviceValues DeviceArithmetic::chosen(const Values& logits, int layer) const {
  Values correction;
  if (model().topk_method == "noaux_tc") {
    correction = weights_->row(weights().at({WeightKind::correction_bias, layer}));
  }
  Values out = make(logits.rows(), logits.columns(), kept_type());
  choose_experts(device(), converted(logits, ElementType::float32), correction, model(), out);
  return out;
}

// ---- tensors ------------------------------------------------------------------------------------

DeviceHeld DeviceArithmetic::made(std::vector<numeric::Interval> columns, Values values) const {
  return std::make_shared<const DeviceTensor>(DeviceTensor{std::move(columns), std::move(values)});
}

}  // namespace lockstep::nccl
