// The experts of a layer: the rows that go to each, all their products at once, and the weighted
// sum back at the tokens.
#include <utility>

#include "backend/nccl/device_arithmetic.h"
#include "backend/nccl/kernels_launch.cuh"

namespace lockstep::nccl {

using numeric::ExpertUnit;
using numeric::WeightBlock;
using numeric::WeightKind;

namespace {

// Adds `bias`, float32, to rows [first, last) of x.
template <class T>
__global__ void add_bias(T* x, std::int64_t columns, std::int64_t first, std::int64_t last,
                         const float* bias) {
  const std::int64_t step = std::int64_t{gridDim.x} * blockDim.x;
  const std::int64_t begin = first * columns;
  for (std::int64_t i = std::int64_t{blockIdx.x} * blockDim.x + threadIdx.x;
       i < (last - first) * columns; i += step) {
    x[begin + i] = rounded<T>(wide(x[begin + i]) + bias[i % columns]);
  }
}

}  // namespace

const Routes& DeviceArithmetic::routes(const Values& routing, const ExpertUnit& unit,
                                       Routes& own) const {
  if (routed_ != nullptr) {
    if (const Routes* known = routed_->find(unit)) return *known;
  }
  own = routes_of(to_host(routing), unit.experts);
  return routed_ != nullptr ? routed_->remember(unit, std::move(own)) : own;
}

DeviceValues DeviceArithmetic::projected(const Values& x, const Routes& routes,
                                         const ExpertUnit& unit, WeightKind kind,
                                         const WeightKind* bias) const {
  const bool is_down = kind == WeightKind::expert_down;
  const auto cut = [&](WeightBlock block) {
    return is_down ? block.rows(unit.columns) : block.columns(unit.columns);
  };
  std::vector<Values> blocks;
  for (const std::int64_t e : routes.experts) {
    blocks.push_back(weights_->block(cut(weights().at({kind, unit.layer, e}))));
  }
  Values out = make(x.rows(), is_down ? model().hidden_size : unit.columns.size(), x.type());
  multiply_parts(device(), x, routes.first, blocks, out, grouping_);
  if (bias == nullptr || out.element_count() == 0) return out;
  for (std::size_t i = 0; i < routes.experts.size(); ++i) {
    const WeightBlock block = weights().at({*bias, unit.layer, routes.experts[i]});
    const Values row = weights_->row(is_down ? block : block.columns(unit.columns));
    const std::int64_t count = (routes.first[i + 1] - routes.first[i]) * out.columns();
    with_type(out.type(), [&](auto t) {
      using T = decltype(t);
      add_bias<T>
          <<<blocks_for(static_cast<std::uint64_t>(count)), kThreads, 0, device().stream()>>>(
              elements<T>(out), out.columns(), routes.first[i], routes.first[i + 1],
              elements<float>(row));
    });
    check_launch("bias of an expert");
  }
  return out;
}

DeviceValues DeviceArithmetic::experts(const Values& x, const Values& routing,
                                       const ExpertUnit& unit) const {
  Values out = make(x.rows(), model().hidden_size, kept_type());
  if (out.element_count() == 0) return out;
  Routes own;
  const Routes& known = routes(routing, unit, own);
  if (known.experts.empty()) {
    out.set_to_zero(device());
    return out;
  }
  const bool has_bias = model().expert_bias;
  const WeightKind gate_bias = WeightKind::expert_gate_bias;
  const WeightKind up_bias = WeightKind::expert_up_bias;
  const WeightKind down_bias = WeightKind::expert_down_bias;
  const Values rows = rows_of(converted(x, kept_type()), known.token);
  const Values gates =
      projected(rows, known, unit, WeightKind::expert_gate, has_bias ? &gate_bias : nullptr);
  const Values ups =
      projected(rows, known, unit, WeightKind::expert_up, has_bias ? &up_bias : nullptr);
  const Values y = projected(gated(gates, ups, model().swiglu_limit), known, unit,
                             WeightKind::expert_down, unit.adds_down_bias ? &down_bias : nullptr);
  const Values weights = converted(routing, kept_type());
  with_type(out.type(), [&](auto t) {
    using T = decltype(t);
    for_each_element<T>(
        device(), out, "sum of experts",
        ExpertSum<T>{elements<T>(y), y.columns(), elements<T>(weights), weights.columns(),
                     list(known.begin), list(known.row_of_y), list(known.expert)});
  });
  return out;
}

}  // namespace lockstep::nccl
