// The arithmetic of a rank on a GPU: numeric::HostArithmetic (host_arithmetic.h), with its names
// and meaning, on values in the memory of a device. A handle: copies work on the same device.
//
// Everything is enqueued on the device's stream, and nothing waits, but for what gives values to
// the host and for experts() where the rows of an operation are not remembered. Results differ from
// the host's by the order of additions and the last bits of exp(), so by little; they are the same
// bits every time.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "backend/nccl/device_experts.h"
#include "backend/nccl/device_product.h"
#include "backend/nccl/device_values.h"
#include "backend/nccl/device_weights.h"
#include "backend/numeric/host_arithmetic.h"

namespace lockstep::nccl {

class DeviceArithmetic {
 public:
  using Values = DeviceValues;  // float32 where a function says "unrounded", else of the storage
  using Tensor = DeviceHeld;    // null: never written

  // `weights` and `routed`, which may be null, must outlive it.
  explicit DeviceArithmetic(DeviceWeights& weights, RoutedRows* routed = nullptr,
                            Grouping grouping = Grouping::grouped)
      : weights_(&weights), routed_(routed), grouping_(grouping) {}

  Device& device() const { return weights_->device(); }
  numeric::Weights& weights() const { return weights_->host(); }
  const Model& model() const { return weights().model(); }
  numeric::Storage storage() const { return weights_->storage(); }

  // ---- to and from the host ----
  // Rounded to the storage.
  Values from_host(const numeric::Matrix<float>& x) const;
  Tensor tensor_from_host(const numeric::Held& held) const;
  // Both wait for the device.
  numeric::Matrix<float> to_host(const Values& x) const;
  numeric::Held tensor_to_host(const Tensor& tensor) const;

  // ---- made of nothing ----
  Values undefined(std::int64_t rows, std::int64_t columns) const;
  Values zero_sum(std::int64_t rows, std::int64_t columns) const;
  Values drawn(const numeric::WeightBlock& block) const { return weights_->block(block); }
  Values repeated(const numeric::WeightBlock& block, std::int64_t rows) const;
  Values embedded(const numeric::WeightBlock& table, std::span<const std::int64_t> ids) const;

  // ---- moved ----
  Values rows_of(const Values& x, const std::vector<std::int64_t>& rows) const;
  Values columns_of(const Values& x, numeric::Interval columns) const;
  Values only_columns(const Values& x, numeric::Interval columns) const;
  Values stacked(const Values& above, const Values& below) const;
  Values joined(const Values& own, const Values& common, std::int64_t heads,
                std::int64_t width) const;
  void place(Values& to, const Values& x, const std::vector<std::int64_t>& at) const;

  // ---- added ----
  void add(Values& sum, const Values& x, std::int64_t first_column, double factor) const;
  Values kept(const Values& sum) const;
  Values with_row(const Values& x, const numeric::WeightBlock& row) const;
  Values with_row_unrounded(const Values& x, const numeric::WeightBlock& row) const;

  // ---- computed ----
  Values product(const Values& x, const numeric::WeightBlock& block) const;
  Values product_unrounded(const Values& x, const numeric::WeightBlock& block) const;
  Values normed(const Values& x, const numeric::WeightBlock& gain, std::int64_t width) const;
  Values normed_over_all(const Values& x, const numeric::WeightBlock& gain,
                         const Values& statistics, std::int64_t statistic,
                         std::int64_t count) const;
  Values gated(const Values& gate, const Values& up, double limit) const;
  Values times_sigmoid(const Values& y, const Values& gate) const;
  Values turned(const Values& x, std::int64_t stride, std::int64_t offset,
                std::int64_t first_position) const;
  Values mixed(const Values& queries, const Values& keys, const Values& values,
               numeric::HeadPlaces heads, int layer) const;
  Values squares(const Values& queries, const Values& keys, numeric::HeadPlaces heads) const;
  Values chosen(const Values& logits, int layer) const;
  // Waits for the device where the routing is not remembered.
  Values experts(const Values& x, const Values& routing, const numeric::ExpertUnit& unit) const;

  // ---- tensors ----
  Values taken(const Tensor& tensor, const std::vector<std::int64_t>& at,
               std::int64_t columns) const;
  Tensor made(std::vector<numeric::Interval> columns, Values values) const;
  // Both rounded to the storage already, as as_kept() does next.
  Tensor added(std::span<const Tensor> addends) const;
  Tensor scaled(const Tensor& tensor, double factor) const;
  Tensor sliced_columns(const Tensor& tensor, numeric::Interval slice) const;
  Tensor copied_rows(const Tensor& from, const Tensor& onto, const RowMoves& moves, Fill fill,
                     numeric::Interval columns) const;
  // With finite garbage always another object: that there is no NaN is not known here.
  Tensor as_kept(const Tensor& tensor, numeric::Garbage garbage) const;
  Tensor corrupted(const Tensor& tensor, const numeric::Corruption& corruption) const;

 private:
  ElementType kept_type() const { return element_type(storage()); }
  DeviceValues make(std::int64_t rows, std::int64_t columns, ElementType type) const {
    return {device(), rows, columns, type};
  }
  const std::int64_t* list(const std::vector<std::int64_t>& list) const {
    return weights_->tables().list(list);
  }
  Values multiplied(const Values& x, const numeric::WeightBlock& block, ElementType type) const;
  Values converted(const Values& x, ElementType type) const;
  // The sum of terms of the storage, rounded to it; see SumOf.
  Values summed(std::span<const Values> terms, std::int64_t rows, std::int64_t columns) const;
  // The routes of a call, asked for or remembered; `own` holds what is not.
  const Routes& routes(const Values& routing, const numeric::ExpertUnit& unit, Routes& own) const;
  // The rows of each expert, times its weights, plus its bias if there is one.
  Values projected(const Values& x, const Routes& routes, const numeric::ExpertUnit& unit,
                   numeric::WeightKind kind, const numeric::WeightKind* bias) const;

  DeviceWeights* weights_;
  RoutedRows* routed_;
  Grouping grouping_;
};

}  // namespace lockstep::nccl
