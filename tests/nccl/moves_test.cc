// Moves and sums on a device: the host's elements, exactly.
#include <doctest/doctest.h>

#include "tests/nccl/agreement.h"
#include "tests/nccl/both.h"

namespace lockstep::test {
namespace {

using numeric::Interval;
using numeric::Matrix;
using numeric::Storage;
using numeric::WeightKind;

std::vector<std::int64_t> some_rows(Random& random, std::int64_t count, std::int64_t below) {
  std::vector<std::int64_t> rows;
  for (std::int64_t i = 0; i < count && below > 0; ++i) rows.push_back(random.below(below));
  return rows;
}

TEST_CASE("what goes to the device comes back, in each type" * doctest::test_suite("gpu")) {
  for (const Storage storage : kStorages) {
    Both both(odd_model(), storage);
    Random random(1);
    for (const std::int64_t rows : kRowCounts) {
      const Matrix<float> x = drawn_with_nan(random, rows, 31, storage);
      CHECK(difference(named("to and from the host", storage),
                       both.device.to_host(both.device.from_host(x)), x) == "");
    }
  }
}

TEST_CASE("made of nothing: undefined, zero, and a row again and again" *
          doctest::test_suite("gpu")) {
  for (const Storage storage : kStorages) {
    Both both(odd_model(), storage);
    const numeric::WeightBlock bias = both.weights.at({WeightKind::attention_bias, 0});
    for (const std::int64_t rows : kRowCounts) {
      CHECK(difference(named("undefined", storage),
                       both.device.to_host(both.device.undefined(rows, 9)),
                       both.host.undefined(rows, 9)) == "");
      CHECK(difference(named("zero_sum", storage),
                       both.device.to_host(both.device.zero_sum(rows, 9)),
                       both.host.zero_sum(rows, 9)) == "");
      CHECK(difference(named("repeated", storage),
                       both.device.to_host(both.device.repeated(bias, rows)),
                       both.host.repeated(bias, rows)) == "");
    }
  }
}

TEST_CASE("rows and columns go where they go on the host" * doctest::test_suite("gpu")) {
  for (const Storage storage : kStorages) {
    Both both(odd_model(), storage);
    Random random(2);
    for (const std::int64_t rows : kRowCounts) {
      const Matrix<float> x = drawn_with_nan(random, rows, 45, storage);
      const auto on_device = both.device.from_host(x);
      const std::vector<std::int64_t> at = some_rows(random, 2 * rows, rows);
      CHECK(difference(named("rows_of", storage),
                       both.device.to_host(both.device.rows_of(on_device, at)),
                       both.host.rows_of(x, at)) == "");
      CHECK(difference(named("columns_of", storage),
                       both.device.to_host(both.device.columns_of(on_device, {7, 40})),
                       both.host.columns_of(x, {7, 40})) == "");
      CHECK(difference(named("only_columns", storage),
                       both.device.to_host(both.device.only_columns(on_device, {7, 40})),
                       both.host.only_columns(x, {7, 40})) == "");
      CHECK(difference(named("stacked", storage),
                       both.device.to_host(
                           both.device.stacked(both.device.rows_of(on_device, at), on_device)),
                       both.host.stacked(both.host.rows_of(x, at), x)) == "");
      const Matrix<float> common = drawn(random, rows, 4, storage);
      CHECK(difference(named("joined", storage),
                       both.device.to_host(
                           both.device.joined(on_device, both.device.from_host(common), 5, 9)),
                       both.host.joined(x, common, 5, 9)) == "");
    }
  }
}

TEST_CASE("a row is placed in a copy of its own where others hold the values" *
          doctest::test_suite("gpu")) {
  for (const Storage storage : kStorages) {
    Both both(odd_model(), storage);
    Random random(3);
    Matrix<float> to = drawn(random, 8, 33, storage);
    const Matrix<float> before = to;
    const Matrix<float> x = drawn_with_nan(random, 3, 33, storage);
    auto on_device = both.device.from_host(to);
    const auto shared = on_device;
    both.device.place(on_device, both.device.from_host(x), {6, 0, 3});
    both.host.place(to, x, {6, 0, 3});
    CHECK(difference(named("place", storage), both.device.to_host(on_device), to) == "");
    CHECK(difference(named("what another holds", storage), both.device.to_host(shared), before) ==
          "");
  }
}

// One product and one sum in float32 each: with or without their contraction to one operation,
// |actual - expected| <= 2^-24 * (|sum| + |factor x|) * 2, where |sum| + |factor x| < 12.
TEST_CASE("sums are the host's but for the contraction of a product and a sum" *
          doctest::test_suite("gpu")) {
  for (const Storage storage : kStorages) {
    Both both(odd_model(), storage);
    Random random(4);
    const numeric::WeightBlock bias = both.weights.at({WeightKind::attention_bias, 0});
    for (const std::int64_t rows : kRowCounts) {
      const Matrix<float> x = drawn_with_nan(random, rows, 37, storage);
      Matrix<float> sum = both.host.zero_sum(rows, 37);
      auto on_device = both.device.zero_sum(rows, 37);
      for (const double factor : {1.0, -0.375, 3.0}) {
        both.host.add(sum, x, 0, factor);
        both.device.add(on_device, both.device.from_host(x), 0, factor);
      }
      const Allowed contraction{.absolute = 24 * kFloatRounding};
      CHECK(difference(named("add", storage), both.device.to_host(on_device), sum, contraction) ==
            "");
      CHECK(difference(named("kept", storage), both.device.to_host(both.device.kept(on_device)),
                       both.host.kept(sum),
                       {.relative = one_step(storage), .absolute = 24 * kFloatRounding}) == "");
      both.host.add(sum, x, 30, 1.0);  // of which seven columns are there
      both.device.add(on_device, both.device.from_host(x), 30, 1.0);
      CHECK(difference(named("add beyond the columns", storage), both.device.to_host(on_device),
                       sum, contraction) == "");
      CHECK(difference(named("with_row", storage),
                       both.device.to_host(both.device.with_row(both.device.from_host(x), bias)),
                       both.host.with_row(x, bias)) == "");
      CHECK(difference(
                named("with_row_unrounded", storage),
                both.device.to_host(both.device.with_row_unrounded(both.device.from_host(x), bias)),
                both.host.with_row_unrounded(x, bias)) == "");
    }
  }
}

}  // namespace
}  // namespace lockstep::test
