// The linear operations on tensors (backend/numeric/tensor.cc has the same on the host).
#include <algorithm>
#include <utility>

#include "backend/nccl/device_arithmetic.h"
#include "backend/nccl/kernels_launch.cuh"
#include "backend/numeric/sources.h"

namespace lockstep::nccl {

using numeric::Interval;

namespace {

std::int64_t row_count(const DeviceHeld& held) { return held ? held->values.rows() : 0; }

}  // namespace

DeviceValues DeviceArithmetic::taken(const Tensor& tensor, const std::vector<std::int64_t>& at,
                                     std::int64_t columns) const {
  const auto rows = std::ssize(at);
  if (!tensor) return undefined(rows, columns);
  const Values& x = tensor->values;
  Values out = make(rows, columns, x.type());
  with_type(x.type(), [&](auto t) {
    using T = decltype(t);
    for_each_element<T>(device(), out, "taking rows",
                        RowsTaken<T>{elements<T>(x), x.rows(), x.columns(), list(at)});
  });
  return out;
}

DeviceHeld DeviceArithmetic::added(std::span<const Tensor> addends) const {
  if (addends.size() == 1) return addends.front();
  const DeviceHeld shape = numeric::leading_addend(addends);
  if (!shape) return nullptr;
  std::int64_t rows = 0;
  for (const Tensor& held : addends) rows = std::max(rows, row_count(held));
  // Of one type: as all tensors are that memory keeps. What is not is rounded first.
  std::vector<Values> terms;
  for (const Tensor& held : addends) {
    const bool fits = held && held->columns == shape->columns;
    terms.push_back(fits ? converted(held->values, kept_type()) : Values());
  }
  return made(shape->columns, summed(terms, rows, shape->values.columns()));
}

// So many at a time as a kernel takes; what the earlier ones make stays in float32.
DeviceValues DeviceArithmetic::summed(std::span<const Values> terms, std::int64_t rows,
                                      std::int64_t columns) const {
  Values before;
  for (std::size_t first = 0;; first += kMostAddends) {
    const auto some =
        terms.subspan(first).first(std::min<std::size_t>(terms.size() - first, kMostAddends));
    const bool is_last = first + some.size() == terms.size();
    Values out = make(rows, columns, is_last ? kept_type() : ElementType::float32);
    with_type(kept_type(), [&](auto t) {
      using T = decltype(t);
      SumOf<T> sum{elements<float>(before), {}, {}, static_cast<int>(some.size()), columns};
      for (std::size_t i = 0; i < some.size(); ++i) {
        sum.addends[i] = elements<T>(some[i]);
        sum.rows[i] = some[i].rows();
      }
      if (is_last) {
        for_each_element<T>(device(), out, "adding tensors", sum);
      } else {
        for_each_element<float>(device(), out, "adding tensors", sum);
      }
    });
    if (is_last) return out;
    before = std::move(out);
  }
}

DeviceHeld DeviceArithmetic::scaled(const Tensor& tensor, double factor) const {
  if (!tensor) return nullptr;
  const Values& x = tensor->values;
  Values out = make(x.rows(), x.columns(), kept_type());
  with_type(x.type(), [&](auto t) {
    using From = decltype(t);
    with_type(out.type(), [&](auto u) {
      for_each_element<decltype(u)>(
          device(), out, "scaling",
          Scaled<From>{elements<From>(x), x.columns(), static_cast<float>(factor)});
    });
  });
  return made(tensor->columns, std::move(out));
}

DeviceHeld DeviceArithmetic::sliced_columns(const Tensor& tensor, Interval slice) const {
  if (!tensor) return nullptr;
  const Values& x = tensor->values;
  const std::vector<std::int64_t> from = numeric::column_sources(tensor->columns, slice);
  Values out = make(x.rows(), slice.size(), x.type());
  with_type(x.type(), [&](auto t) {
    using T = decltype(t);
    for_each_element<T>(device(), out, "slicing columns",
                        ColumnsTaken<T>{elements<T>(x), x.columns(), 0, list(from)});
  });
  return made({slice}, std::move(out));
}

DeviceHeld DeviceArithmetic::copied_rows(const Tensor& from, const Tensor& onto,
                                         const RowMoves& moves, Fill fill, Interval columns) const {
  const DeviceTensor* shape = from ? from.get() : onto.get();
  const std::vector<Interval> of_result =
      shape == nullptr ? std::vector<Interval>{columns} : shape->columns;
  const bool keeps = fill == Fill::keep && onto && onto->columns == of_result;
  const ElementType type = shape == nullptr ? kept_type() : shape->values.type();
  const Values old = keeps ? converted(onto->values, type) : Values();
  const std::int64_t width = numeric::width_of(of_result);
  Values out = make(moves.rows_out, width, type);
  const std::vector<std::int64_t> at =
      numeric::row_sources(moves, fill, row_count(from), keeps ? old.rows() : 0);
  with_type(type, [&](auto t) {
    using T = decltype(t);
    const T* const source = from ? elements<T>(from->values) : nullptr;
    for_each_element<T>(device(), out, "copying rows",
                        RowsTaken<T>{source, row_count(from), width, list(at), elements<T>(old)});
  });
  return made(of_result, std::move(out));
}

DeviceHeld DeviceArithmetic::as_kept(const Tensor& tensor, numeric::Garbage garbage) const {
  if (!tensor) return nullptr;
  const Values& x = tensor->values;
  if (garbage != numeric::Garbage::finite) {
    return x.type() == kept_type() ? tensor : made(tensor->columns, kept(x));
  }
  Values out = make(x.rows(), x.columns(), kept_type());
  with_type(x.type(), [&](auto t) {
    using From = decltype(t);
    with_type(out.type(), [&](auto u) {
      for_each_element<decltype(u)>(
          device(), out, "filling in garbage",
          WithGarbage<From>{elements<From>(x), x.columns(), numeric::finite_garbage(storage())});
    });
  });
  return made(tensor->columns, std::move(out));
}

DeviceHeld DeviceArithmetic::corrupted(const Tensor& tensor, const numeric::Corruption& c) const {
  const bool hits = tensor && c.row >= 0 && c.row < tensor->values.rows() && c.column >= 0 &&
                    c.column < tensor->values.columns();
  if (!hits) return tensor;
  const Values& x = tensor->values;
  Values out = make(x.rows(), x.columns(), x.type());
  with_type(x.type(), [&](auto t) {
    using T = decltype(t);
    for_each_element<T>(
        device(), out, "corrupting",
        OneScaled<T>{elements<T>(x), x.columns(), c.row, c.column, static_cast<float>(c.factor)});
  });
  return made(tensor->columns, std::move(out));
}

}  // namespace lockstep::nccl
