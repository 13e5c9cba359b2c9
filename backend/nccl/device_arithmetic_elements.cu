// What is a function of each element by itself (kernels_elements.cuh).
#include "backend/nccl/device_arithmetic.h"
#include "backend/nccl/kernels_launch.cuh"

namespace lockstep::nccl {

using numeric::Interval;
using numeric::WeightBlock;

DeviceValues DeviceArithmetic::repeated(const WeightBlock& block, std::int64_t rows) const {
  const Values row = weights_->row(block);
  Values out = make(rows, block.column_count(), kept_type());
  with_type(out.type(), [&](auto t) {
    using T = decltype(t);
    for_each_element<T>(device(), out, "repeating a row", SameRow<float>{elements<float>(row)});
  });
  return out;
}

// ---- moved --------------------------------------------------------------------------------------

DeviceValues DeviceArithmetic::rows_of(const Values& x,
                                       const std::vector<std::int64_t>& rows) const {
  Values out = make(std::ssize(rows), x.columns(), x.type());
  with_type(x.type(), [&](auto t) {
    using T = decltype(t);
    for_each_element<T>(device(), out, "taking rows",
                        RowsTaken<T>{elements<T>(x), x.rows(), x.columns(), list(rows)});
  });
  return out;
}

DeviceValues DeviceArithmetic::columns_of(const Values& x, Interval columns) const {
  Values out = make(x.rows(), columns.size(), x.type());
  with_type(x.type(), [&](auto t) {
    using T = decltype(t);
    for_each_element<T>(device(), out, "taking columns",
                        ColumnsTaken<T>{elements<T>(x), x.columns(), columns.first});
  });
  return out;
}

DeviceValues DeviceArithmetic::only_columns(const Values& x, Interval columns) const {
  if (columns.first <= 0 && columns.last >= x.columns()) return x;
  Values out = make(x.rows(), x.columns(), x.type());
  with_type(x.type(), [&](auto t) {
    using T = decltype(t);
    for_each_element<T>(device(), out, "clearing columns",
                        OnlyColumns<T>{elements<T>(x), x.columns(), columns.first, columns.last});
  });
  return out;
}

DeviceValues DeviceArithmetic::joined(const Values& own, const Values& common, std::int64_t heads,
                                      std::int64_t width) const {
  LOCKSTEP_ASSERT(own.type() == common.type() || own.element_count() == 0);
  Values out = make(own.rows(), heads * (width + common.columns()), common.type());
  with_type(common.type(), [&](auto t) {
    using T = decltype(t);
    for_each_element<T>(
        device(), out, "joining columns",
        Joined<T>{elements<T>(own), elements<T>(common), heads, width, common.columns()});
  });
  return out;
}

// ---- added --------------------------------------------------------------------------------------

void DeviceArithmetic::add(Values& sum, const Values& x, std::int64_t first_column,
                           double factor) const {
  LOCKSTEP_ASSERT(sum.type() == ElementType::float32 && sum.rows() == x.rows());
  sum.own(device());
  with_type(x.type(), [&](auto t) {
    using T = decltype(t);
    for_each_element<float>(device(), sum, "adding",
                            PlusScaled<T>{elements<float>(sum), sum.columns(), elements<T>(x),
                                          x.columns(), first_column, static_cast<float>(factor)});
  });
}

DeviceValues DeviceArithmetic::converted(const Values& x, ElementType to) const {
  if (x.type() == to) return x;
  Values out = make(x.rows(), x.columns(), to);
  with_type(x.type(), [&](auto t) {
    using From = decltype(t);
    with_type(to, [&](auto u) {
      for_each_element<decltype(u)>(device(), out, "rounding",
                                    Same<From>{elements<From>(x), x.columns()});
    });
  });
  return out;
}

DeviceValues DeviceArithmetic::kept(const Values& sum) const { return converted(sum, kept_type()); }

DeviceValues DeviceArithmetic::with_row(const Values& x, const WeightBlock& row) const {
  const Values addend = weights_->row(row);
  Values out = make(x.rows(), x.columns(), kept_type());
  with_type(x.type(), [&](auto t) {
    using From = decltype(t);
    with_type(out.type(), [&](auto u) {
      for_each_element<decltype(u)>(
          device(), out, "adding a row",
          PlusRow<From>{elements<From>(x), x.columns(), elements<float>(addend)});
    });
  });
  return out;
}

DeviceValues DeviceArithmetic::with_row_unrounded(const Values& x, const WeightBlock& row) const {
  const Values addend = weights_->row(row);
  Values out = make(x.rows(), x.columns(), ElementType::float32);
  with_type(x.type(), [&](auto t) {
    using From = decltype(t);
    for_each_element<float>(device(), out, "adding a row",
                            PlusRow<From>{elements<From>(x), x.columns(), elements<float>(addend)});
  });
  return out;
}

// ---- computed -----------------------------------------------------------------------------------

DeviceValues DeviceArithmetic::normed_over_all(const Values& x, const WeightBlock& gain,
                                               const Values& statistics, std::int64_t statistic,
                                               std::int64_t count) const {
  const Values gains = weights_->row(gain);
  const Values squares = converted(statistics, ElementType::float32);
  Values out = make(x.rows(), x.columns(), x.type());
  with_type(x.type(), [&](auto t) {
    using T = decltype(t);
    const float* const of_row = elements<float>(squares) + statistic;
    for_each_element<T>(device(), out, "norm over all heads",
                        NormedBySquares<T>{elements<T>(x), x.columns(), elements<float>(gains),
                                           of_row, squares.columns(), static_cast<float>(count),
                                           static_cast<float>(model().rms_norm_eps)});
  });
  return kept(out);
}

DeviceValues DeviceArithmetic::gated(const Values& gate, const Values& up, double limit) const {
  LOCKSTEP_ASSERT(gate.type() == up.type() && gate.columns() == up.columns());
  Values out = make(gate.rows(), gate.columns(), gate.type());
  with_type(gate.type(), [&](auto t) {
    using T = decltype(t);
    for_each_element<T>(
        device(), out, "activation",
        Gated<T>{elements<T>(gate), elements<T>(up), gate.columns(), static_cast<float>(limit)});
  });
  return kept(out);
}

DeviceValues DeviceArithmetic::times_sigmoid(const Values& y, const Values& gate) const {
  LOCKSTEP_ASSERT(gate.type() == y.type() && gate.rows() == y.rows() && gate.columns() == 1);
  Values out = make(y.rows(), y.columns(), y.type());
  with_type(y.type(), [&](auto t) {
    using T = decltype(t);
    for_each_element<T>(device(), out, "times a sigmoid",
                        TimesSigmoid<T>{elements<T>(y), y.columns(), elements<T>(gate)});
  });
  return kept(out);
}

DeviceValues DeviceArithmetic::turned(const Values& x, std::int64_t stride, std::int64_t offset,
                                      std::int64_t first_position) const {
  const std::int64_t width = numeric::rotary_width(model());
  if (width == 0 || x.element_count() == 0) return x;
  const RotaryTable& table =
      weights_->tables().rotary(width, model().rope_theta, first_position, x.rows());
  Values out = make(x.rows(), x.columns(), x.type());
  with_type(x.type(), [&](auto t) {
    using T = decltype(t);
    for_each_element<T>(device(), out, "turning to positions",
                        Turned<T>{elements<T>(x), x.columns(), stride, offset, width / 2,
                                  elements<float>(table.cosine), elements<float>(table.sine)});
  });
  return kept(out);
}

}  // namespace lockstep::nccl
