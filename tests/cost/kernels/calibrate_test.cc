// Fits of kernels' constants: rows are predicted with known constants, and the fit must find them.
#include <doctest/doctest.h>

#include <algorithm>

#include "sim/cost/hardware_file.h"
#include "sim/cost/kernels/calibrate.h"
#include "sim/cost/kernels/descent.h"
#include "sim/cost/kernels/estimate.h"

namespace lockstep {
namespace {

MeasuredKernel measured(const Kernel& kernel, const Hardware& hardware) {
  const double us = kernel_estimate(kernel, hardware.gpu).total_us();
  return {kernel, us, us * 0.99, us * 1.01};
}

std::vector<MeasuredKernel> norms(const Hardware& hardware) {
  std::vector<MeasuredKernel> rows;
  for (const std::int64_t bytes : {10'000, 1'000'000, 30'000'000, 100'000'000, 300'000'000}) {
    rows.push_back(measured(Elementwise{bytes, bytes}, hardware));
  }
  return rows;
}

std::vector<MeasuredKernel> attention(const Hardware& hardware) {
  std::vector<MeasuredKernel> rows;
  for (const std::int64_t tokens : {64, 128, 256, 512, 1024, 2048}) {
    for (const std::int64_t heads : {2, 8, 64}) {
      rows.push_back(measured(Attention{false, false, 1, tokens, tokens * (tokens + 1) / 2, tokens,
                                        heads, heads, 128, 128, Number::bf16},
                              hardware));
      rows.push_back(measured(Attention{true, false, 4, 4, 4 * tokens, 4 * tokens, heads, heads,
                                        128, 128, Number::bf16},
                              hardware));
    }
  }
  return rows;
}

const KindError& error_of(const KernelCalibration& calibration, std::string_view kind) {
  const auto found = std::ranges::find(calibration.kinds, kind, &KindError::kind);
  REQUIRE(found != calibration.kinds.end());
  return *found;
}

}  // namespace

TEST_CASE("a descent finds the least of a function, within its range") {
  // (x - 3)^2 + (y - 0.5)^2 is least at (3, 0.5); with y at least 1 at (3, 1).
  const Cost cost = [](std::span<const double> at) {
    return (at[0] - 3) * (at[0] - 3) + (at[1] - 0.5) * (at[1] - 0.5);
  };
  const std::vector<Range> wide = {{0.001, 1000}, {0.001, 1000}};
  const Descent found = descended(cost, {100, 10}, wide);
  CHECK(found.at[0] == doctest::Approx(3).epsilon(0.01));
  CHECK(found.at[1] == doctest::Approx(0.5).epsilon(0.01));
  const std::vector<Range> narrow = {{0.001, 1000}, {1, 1000}};
  CHECK(descended(cost, {100, 10}, narrow).at[1] == doctest::Approx(1).epsilon(0.001));
}

TEST_CASE("the constants of norms that were measured come out: floor + bytes / rate") {
  const Hardware base;
  Hardware truth = base;
  truth.gpu.elementwise = {0.6, 5};
  const auto found = calibrate_kernels(norms(truth), base);
  REQUIRE(found);
  CHECK(found->hardware.gpu.elementwise.memory_efficiency == doctest::Approx(0.6).epsilon(0.02));
  CHECK(found->hardware.gpu.elementwise.floor_us == doctest::Approx(5).epsilon(0.02));
  const KindError& error = error_of(*found, "elementwise");
  CHECK(error.rows == 5);
  CHECK(error.spread == doctest::Approx(0.02));  // (1.01 - 0.99) / 1
  CHECK(error.median_before > 0.2);
  CHECK(error.median_after < 0.01);
  CHECK(found->hardware.gpu.gemm_bf16 == base.gpu.gemm_bf16);
}

TEST_CASE("norms that take rounds over their rows are told from those that their bytes decide") {
  const Hardware base;
  Hardware truth = base;
  truth.gpu.norm = {8, 1.5, 2};
  std::vector<MeasuredKernel> rows;
  for (const std::int64_t count : {8, 512, 2048, 8192, 16384}) {
    for (const std::int64_t columns : {1536, 7168}) {
      const std::int64_t bytes = 2 * count * columns;
      rows.push_back(measured(Elementwise{bytes, bytes, count, columns}, truth));
    }
  }
  const auto found = calibrate_kernels(rows, base);
  REQUIRE(found);
  const KindError& error = error_of(*found, "elementwise");
  CHECK(error.median_before > 0.3);
  CHECK(error.worst_after < 0.05);
  CHECK(found->hardware.gpu.norm.columns_us == doctest::Approx(2).epsilon(0.1));
  CHECK(found->hardware.gpu.norm.rows_per_sm == 8);
}

TEST_CASE("attention that is a hundred times slower, request after request, is found") {
  const Hardware base;
  Hardware truth = base;
  truth.gpu.attention = {1, 128, 6, 1};
  truth.gpu.prefill_bf16 = {0.006, 0.3, 4, 0.1};
  truth.gpu.decode_bf16 = {0.005, 0.5, 5};
  const auto found = calibrate_kernels(attention(truth), base);
  REQUIRE(found);
  CHECK(error_of(*found, "prefill").median_after < 0.03);
  CHECK(error_of(*found, "decode").median_after < 0.03);
  CHECK(error_of(*found, "prefill").median_before > 0.5);
  CHECK(found->hardware.gpu.attention.query_rows == 1);
  CHECK(found->hardware.gpu.attention.apart == 1);
}

TEST_CASE("fewer than two rows a constant are refused, and rows of no fitted kind") {
  const Hardware base;
  std::vector<MeasuredKernel> few = norms(base);
  few.resize(3);
  const auto refused = calibrate_kernels(few, base);
  REQUIRE(!refused);
  CHECK(refused.faults().front().message ==
        "elementwise: 3 rows were measured, and 2 constants are fitted to them");
  const std::vector<MeasuredKernel> top_k = {{TopK{8, 256, 8}, 3, 3, 3}};
  CHECK(!calibrate_kernels(top_k, base));
}

TEST_CASE("formats that the replay does not compute in are left out") {
  CHECK(fitted_kind(Gemm{1, 2, 3, Number::fp8, Number::fp8, 1}).empty());
  CHECK(fitted_kind(Gemm{1, 2, 3, Number::fp32, Number::fp32, 1}).empty());
  CHECK(fitted_kind(Gemm{1, 2, 3, Number::fp16, Number::fp16, 1}) == "gemm");
  const Hardware base;
  std::vector<MeasuredKernel> rows = norms(base);
  rows.push_back({TopK{8, 256, 8}, 3, 3, 3});
  const auto found = calibrate_kernels(rows, base);
  REQUIRE(found);
  CHECK(found->left_out == 1);
}

TEST_CASE("requests apart take their times one after another") {
  // Four requests: four times the time of one, floors included.
  GpuConstants gpu;
  gpu.attention = {1, 128, 6, 1};
  const auto decode = [&](std::int64_t requests) {
    const Attention one{true, false, requests, requests, requests * 512, requests * 512,
                        8,    8,     128,      128,      Number::bf16};
    return kernel_estimate(one, gpu).total_us();
  };
  CHECK(decode(4) == doctest::Approx(4 * decode(1)));
  // A head of 64 columns is computed as one of 128.
  Attention narrow{false, false, 1, 512, 512 * 513 / 2, 512, 8, 8, 64, 64, Number::bf16};
  const double compute = kernel_estimate(narrow, gpu).compute_us;
  narrow.qk_dim = narrow.v_dim = 128;
  CHECK(kernel_estimate(narrow, gpu).compute_us == compute);
}

}  // namespace lockstep
