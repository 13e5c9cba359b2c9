// Products on a device: |actual - expected| <= one step of the type * |expected|
//   + 2 K * 2^-24 * sum over k of |x_k| |w_k|, for K columns of x summed in float32 in any order.
#include <doctest/doctest.h>

#include "tests/nccl/agreement.h"
#include "tests/nccl/both.h"

namespace lockstep::test {
namespace {

using numeric::Matrix;
using numeric::Storage;
using numeric::WeightBlock;
using numeric::WeightKind;

// The sum of magnitudes; of a NaN nothing counts.
Matrix<float> product_of_magnitudes(const Matrix<float>& x, const WeightBlock& w) {
  Matrix<float> without_nan = magnitude(x);
  for (float& v : without_nan.elements()) v = v == v ? v : 0.0F;
  const Matrix<float> m = magnitude(w.drawn());
  return numeric::product(without_nan, numeric::Block(m));
}

Allowed allowed_for(const Matrix<float>& x, const WeightBlock& w, double relative) {
  return {relative, 0, 2 * static_cast<double>(x.columns()) * kFloatRounding,
          product_of_magnitudes(x, w)};
}

Model with_sizes(int hidden, int intermediate) {
  Model m = odd_model();
  m.hidden_size = hidden;
  m.intermediate_size = intermediate;
  return m;
}

TEST_CASE("products with whole and cut weights agree, and NaN stays in its row" *
          doctest::test_suite("gpu")) {
  for (const Storage storage : kStorages) {
    for (const auto& [inner, columns] :
         {std::pair{1, 1}, {7, 3}, {37, 129}, {256, 64}, {515, 77}}) {
      Both both(with_sizes(inner, columns), storage);
      const WeightBlock whole = both.weights.at({WeightKind::dense_gate, 0});
      const WeightBlock part = whole.columns({columns / 3, columns});
      Random random(static_cast<std::uint64_t>(inner));
      for (const std::int64_t rows : kRowCounts) {
        const Matrix<float> x = drawn_with_nan(random, rows, inner, storage);
        const auto on_device = both.device.from_host(x);
        for (const WeightBlock& w : {whole, part}) {
          CHECK(difference(named("product", storage),
                           both.device.to_host(both.device.product(on_device, w)),
                           both.host.product(x, w), allowed_for(x, w, one_step(storage))) == "");
          CHECK(difference(named("product_unrounded", storage),
                           both.device.to_host(both.device.product_unrounded(on_device, w)),
                           both.host.product_unrounded(x, w), allowed_for(x, w, 0)) == "");
        }
      }
    }
  }
}

TEST_CASE("a product of what does not fit together is NaN" * doctest::test_suite("gpu")) {
  for (const Storage storage : kStorages) {
    Both both(odd_model(), storage);
    Random random(1);
    const Matrix<float> x = drawn(random, 3, 12, storage);
    const WeightBlock w = both.weights.at({WeightKind::dense_gate, 0});
    CHECK(difference(named("product", storage),
                     both.device.to_host(both.device.product(both.device.from_host(x), w)),
                     both.host.product(x, w)) == "");
  }
}

void check_parts(const Model& model) {
  using nccl::Grouping;
  const std::int64_t hidden = model.hidden_size;
  const std::int64_t width = model.moe_intermediate_size;
  for (const Storage storage : kStorages) {
    Both both(model, storage);
    Random random(9);
    const std::vector<std::int64_t> first = {0, 5, 5, 6, 40, 57};
    const Matrix<float> x = drawn_with_nan(random, 57, hidden, storage);
    const auto on_device = both.device.from_host(x);
    std::vector<nccl::DeviceValues> blocks;
    for (std::int64_t e = 0; e < 5; ++e) {
      blocks.push_back(both.device_weights.block(both.weights.at({WeightKind::expert_up, 0, e})));
    }
    for (const Grouping grouping : {Grouping::grouped, Grouping::one_by_one}) {
      nccl::DeviceValues out(gpu(), 57, width, nccl::element_type(storage));
      nccl::multiply_parts(gpu(), on_device, first, blocks, out, grouping);
      const Matrix<float> all = both.device.to_host(out);
      for (std::size_t e = 0; e < 5; ++e) {
        std::vector<std::int64_t> rows;
        for (std::int64_t r = first[e]; r < first[e + 1]; ++r) rows.push_back(r);
        const Matrix<float> part = numeric::gathered(x, rows);
        const WeightBlock w =
            both.weights.at({WeightKind::expert_up, 0, static_cast<std::int64_t>(e)});
        CAPTURE(e);
        CHECK(difference(named(grouping == Grouping::grouped ? "grouped" : "one by one", storage),
                         numeric::gathered(all, rows), both.host.product(part, w),
                         allowed_for(part, w, one_step(storage))) == "");
      }
    }
  }
}

TEST_CASE("parts of rows times a matrix each are the same, grouped or one by one" *
          doctest::test_suite("gpu")) {
  check_parts(odd_model());
  check_parts(aligned_model());  // as cuBLAS asks for, to group
}

}  // namespace
}  // namespace lockstep::test
