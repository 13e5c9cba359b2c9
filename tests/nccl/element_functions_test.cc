// The functions of one element, on the host: each is HostArithmetic's, bit for bit.
#include <doctest/doctest.h>

#include <array>
#include <vector>

#include "backend/nccl/kernels_elements.cuh"
#include "backend/numeric/rotary.h"
#include "tests/nccl/agreement.h"
#include "tests/nccl/both.h"

namespace lockstep::test {
namespace {

using numeric::HostArithmetic;
using numeric::Interval;
using numeric::Matrix;
using numeric::Storage;
using numeric::WeightKind;

template <class T>
struct StorageOf;
template <>
struct StorageOf<float> {
  static constexpr Storage value = Storage::float32;
};
template <>
struct StorageOf<__nv_bfloat16> {
  static constexpr Storage value = Storage::bfloat16;
};
template <>
struct StorageOf<__half> {
  static constexpr Storage value = Storage::float16;
};

// As memory of a device has it.
template <class T>
std::vector<T> in_memory(const Matrix<float>& x) {
  std::vector<T> all;
  for (std::int64_t r = 0; r < x.rows(); ++r) {
    for (const float v : x.row(r)) all.push_back(nccl::rounded<T>(v));
  }
  return all;
}

// What the kernel each_element() writes.
template <class T, class F>
Matrix<float> on_host(std::int64_t rows, std::int64_t columns, const F& f) {
  Matrix<float> out(rows, columns);
  for (std::int64_t r = 0; r < rows; ++r) {
    for (std::int64_t c = 0; c < columns; ++c) out(r, c) = nccl::wide(nccl::rounded<T>(f(r, c)));
  }
  return out;
}

constexpr std::int64_t kRows = 9;
constexpr std::int64_t kColumns = 23;

template <class T>
struct Setting {
  numeric::Weights weights{odd_model(), 3};
  HostArithmetic host{weights, StorageOf<T>::value};
  Random random{5};
  Matrix<float> x = drawn_with_nan(random, kRows, kColumns, StorageOf<T>::value);
  std::vector<T> in = in_memory<T>(x);
};

#define LOCKSTEP_TYPES float, __nv_bfloat16, __half

TEST_CASE_TEMPLATE("taking rows, columns and parts of them is the host's", T, LOCKSTEP_TYPES) {
  Setting<T> s;
  const std::vector<std::int64_t> at = {8, 0, 3, 3, 2};
  CHECK(difference(
            "rows",
            on_host<T>(5, kColumns, nccl::RowsTaken<T>{s.in.data(), kRows, kColumns, at.data()}),
            s.host.rows_of(s.x, at)) == "");
  CHECK(difference("columns", on_host<T>(kRows, 7, nccl::ColumnsTaken<T>{s.in.data(), kColumns, 4}),
                   s.host.columns_of(s.x, {4, 11})) == "");
  CHECK(difference("only columns",
                   on_host<T>(kRows, kColumns, nccl::OnlyColumns<T>{s.in.data(), kColumns, 4, 11}),
                   s.host.only_columns(s.x, {4, 11})) == "");
  const Matrix<float> common = drawn(s.random, kRows, 5, s.host.storage());
  const std::vector<T> shared = in_memory<T>(common);
  const Matrix<float> own = s.host.columns_of(s.x, {0, 21});
  const std::vector<T> of_heads = in_memory<T>(own);
  CHECK(difference(
            "joined",
            on_host<T>(kRows, 3 * 12, nccl::Joined<T>{of_heads.data(), shared.data(), 3, 7, 5}),
            s.host.joined(own, common, 3, 7)) == "");
}

TEST_CASE_TEMPLATE("a list of rows may say NaN, zero, or what stood there before", T,
                   LOCKSTEP_TYPES) {
  Setting<T> s;
  const Matrix<float> before = drawn(s.random, 6, kColumns, s.host.storage());
  const std::vector<T> old = in_memory<T>(before);
  const std::vector<std::int64_t> at = {numeric::kNoSource, numeric::kZeroSource, 1, 4, kRows};
  const Matrix<float> out = on_host<T>(
      5, kColumns + 1, nccl::RowsTaken<T>{s.in.data(), kRows, kColumns, at.data(), nullptr});
  CHECK(std::isnan(out(0, 0)));
  CHECK(out(1, 0) == 0.0F);
  CHECK(out(3, 1) == s.x(4, 1));
  CHECK(std::isnan(out(3, kColumns)));  // beyond its columns
  CHECK(std::isnan(out(4, 0)));         // beyond its rows
  const std::vector<std::int64_t> with_old = {numeric::kNoSource, numeric::kZeroSource,
                                              numeric::kOldSource};
  const Matrix<float> kept = on_host<T>(
      3, kColumns, nccl::RowsTaken<T>{s.in.data(), kRows, kColumns, with_old.data(), old.data()});
  CHECK(kept(2, 7) == before(2, 7));
}

TEST_CASE_TEMPLATE("adding is the host's", T, LOCKSTEP_TYPES) {
  Setting<T> s;
  Matrix<float> sum = drawn(s.random, kRows, kColumns, Storage::float32);
  const std::vector<float> before = in_memory<float>(sum);
  s.host.add(sum, s.x, 3, -2.0);  // the last three columns are none of x
  CHECK(difference("scaled and added",
                   on_host<float>(kRows, kColumns,
                                  nccl::PlusScaled<T>{before.data(), kColumns, s.in.data(),
                                                      kColumns, 3, -2.0F}),
                   sum) == "");
  const numeric::WeightBlock bias =
      s.weights.at({WeightKind::expert_down_bias, 0, 2}).columns({1, 1 + kColumns});
  const std::vector<float> row = bias.row();
  CHECK(difference("with a row",
                   on_host<T>(kRows, kColumns, nccl::PlusRow<T>{s.in.data(), kColumns, row.data()}),
                   s.host.with_row(s.x, bias)) == "");
  CHECK(difference("a row repeated", on_host<T>(kRows, kColumns, nccl::SameRow<float>{row.data()}),
                   s.host.repeated(bias, kRows)) == "");
}

TEST_CASE_TEMPLATE("sums of tensors, some at a time, are the host's", T, LOCKSTEP_TYPES) {
  Setting<T> s;
  const Matrix<float> y = drawn(s.random, kRows - 2, kColumns, s.host.storage());
  const Matrix<float> z = drawn(s.random, kRows, kColumns, s.host.storage());
  const std::vector<T> in_y = in_memory<T>(y);
  const std::vector<T> in_z = in_memory<T>(z);
  const std::vector<numeric::Held> held = {numeric::make_held({{0, kColumns}}, s.x),
                                           numeric::make_held({{0, kColumns}}, y),
                                           numeric::make_held({{0, kColumns}}, z)};
  const Matrix<float> expected = s.host.as_kept(s.host.added(held), numeric::Garbage::nan)->values;
  const nccl::SumOf<T> all{
      nullptr, {s.in.data(), in_y.data(), in_z.data()}, {kRows, kRows - 2, kRows}, 3, kColumns};
  CHECK(difference("at once", on_host<T>(kRows, kColumns, all), expected) == "");
  const nccl::SumOf<T> two{nullptr, {s.in.data(), in_y.data()}, {kRows, kRows - 2}, 2, kColumns};
  const std::vector<float> before = in_memory<float>(on_host<float>(kRows, kColumns, two));
  const nccl::SumOf<T> third{before.data(), {in_z.data()}, {kRows}, 1, kColumns};
  CHECK(difference("in two parts", on_host<T>(kRows, kColumns, third), expected) == "");
}

TEST_CASE_TEMPLATE("activations, gates, turns and norms by given squares are the host's", T,
                   LOCKSTEP_TYPES) {
  Setting<T> s;
  const Storage storage = s.host.storage();
  const Matrix<float> up = drawn(s.random, kRows, kColumns, storage, 3.0F);
  const std::vector<T> ups = in_memory<T>(up);
  for (const double limit : {0.0, 0.75}) {
    CHECK(difference("gated",
                     on_host<T>(kRows, kColumns,
                                nccl::Gated<T>{s.in.data(), ups.data(), kColumns,
                                               static_cast<float>(limit)}),
                     s.host.gated(s.x, up, limit)) == "");
  }
  const Matrix<float> gate = drawn(s.random, kRows, 1, storage, 4.0F);
  const std::vector<T> gates = in_memory<T>(gate);
  CHECK(difference(
            "times a sigmoid",
            on_host<T>(kRows, kColumns, nccl::TimesSigmoid<T>{s.in.data(), kColumns, gates.data()}),
            s.host.times_sigmoid(s.x, gate)) == "");

  const std::int64_t width = numeric::rotary_width(s.host.model());
  const numeric::Rotary angles(width, s.host.model().rope_theta, {4, 4 + kRows});
  Matrix<float> cosine(kRows, width / 2);
  Matrix<float> sine(kRows, width / 2);
  for (std::int64_t r = 0; r < kRows; ++r) {
    for (std::int64_t i = 0; i < width / 2; ++i) {
      cosine(r, i) = static_cast<float>(angles.cosine(4 + r, i));
      sine(r, i) = static_cast<float>(angles.sine(4 + r, i));
    }
  }
  const std::vector<float> c = in_memory<float>(cosine);
  const std::vector<float> d = in_memory<float>(sine);
  // Two heads of ten columns, of which the last six turn; the other three columns begin no head.
  const Matrix<float> heads = s.host.columns_of(s.x, {0, 20});
  const std::vector<T> in_heads = in_memory<T>(heads);
  CHECK(difference(
            "turned",
            on_host<T>(kRows, 20,
                       nccl::Turned<T>{in_heads.data(), 20, 10, 4, width / 2, c.data(), d.data()}),
            s.host.turned(heads, 10, 4, 4)) == "");

  const Matrix<float> statistics = magnitude(drawn(s.random, kRows, 2, Storage::float32, 9.0F));
  const std::vector<float> squares = in_memory<float>(statistics);
  const numeric::WeightBlock gain = s.weights.at({WeightKind::norm}).columns({2, 2 + kColumns});
  const std::vector<float> gains = gain.row();
  const auto epsilon = static_cast<float>(s.host.model().rms_norm_eps);
  CHECK(difference("norm by given squares",
                   on_host<T>(kRows, kColumns,
                              nccl::NormedBySquares<T>{s.in.data(), kColumns, gains.data(),
                                                       squares.data() + 1, 2, 40.0F, epsilon}),
                   s.host.normed_over_all(s.x, gain, statistics, 1, 40)) == "");
}

TEST_CASE_TEMPLATE("tensors as they are kept, scaled and corrupted are the host's", T,
                   LOCKSTEP_TYPES) {
  Setting<T> s;
  const numeric::Held held = numeric::make_held({{0, kColumns}}, s.x);
  const float garbage = numeric::finite_garbage(s.host.storage());
  CHECK(
      difference("with finite garbage",
                 on_host<T>(kRows, kColumns, nccl::WithGarbage<T>{s.in.data(), kColumns, garbage}),
                 s.host.as_kept(held, numeric::Garbage::finite)->values) == "");
  CHECK(difference("scaled",
                   on_host<T>(kRows, kColumns, nccl::Scaled<T>{s.in.data(), kColumns, 0.3F}),
                   s.host.kept(s.host.scaled(held, 0.3)->values)) == "");
  CHECK(
      difference("corrupted",
                 on_host<T>(kRows, kColumns, nccl::OneScaled<T>{s.in.data(), kColumns, 3, 5, 8.0F}),
                 s.host.corrupted(held, {0, 0, 3, 5, 8.0})->values) == "");
}

TEST_CASE_TEMPLATE("finite garbage is a number of its type, and has a finite square in float32", T,
                   LOCKSTEP_TYPES) {
  const float garbage = numeric::finite_garbage(StorageOf<T>::value);
  CHECK(nccl::wide(nccl::rounded<T>(garbage)) == garbage);
  CHECK(std::isfinite(garbage * garbage));
}

}  // namespace
}  // namespace lockstep::test
