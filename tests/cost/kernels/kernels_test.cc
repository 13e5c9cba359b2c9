// Durations of kernels: each test states the equation before the number.
#include <doctest/doctest.h>

#include "sim/cost/cost_model.h"
#include "sim/cost/hardware_file.h"
#include "sim/cost/kernels/estimate.h"
#include "sim/cost/kernels/tiles.h"

namespace lockstep {
namespace {

// Round figures: 10 SMs, 1 TB/s, 100 TFLOPS in bf16, 200 in fp8; every kernel reaches half of the
// arithmetic and all of the memory, and takes 5 us at least.
GpuConstants round_gpu() {
  GpuConstants gpu;
  gpu.sms = 10;
  gpu.hbm_GBps = 1000;
  gpu.bf16_TFLOPS = 100;
  gpu.fp8_TFLOPS = 200;
  gpu.fp4_TFLOPS = 0;
  const TileConstants tiles = {0.5, 1, 5, 0};
  gpu.gemm_bf16 = gpu.gemm_fp8 = gpu.experts_bf16 = gpu.prefill_bf16 = tiles;
  gpu.decode_bf16 = gpu.latent_decode_bf16 = {0.5, 1, 5};
  gpu.elementwise = {1, 5};
  gpu.top_k = {5, 2, 4};
  return gpu;
}

double us(const Kernel& kernel, const GpuConstants& gpu = round_gpu()) {
  return in_microseconds(kernel_time(kernel, gpu));
}

}  // namespace

TEST_CASE("a large product takes its arithmetic: floor + waves x tile") {
  // m = n = 1280: 10 x 10 tiles of 128 x 128 on 10 SMs: 10 waves. One tile of k = 1000 is
  // 2 * 128 * 128 * 1000 = 32.768 MFLOP; one SM does 100e6 / 10 * 0.5 = 5e6 FLOP/us: 6.5536 us.
  // 5 + 10 * 6.5536 = 70.536 us; the bytes, 8.4 MB, take 8.4 us meanwhile.
  CHECK(us(Gemm{1280, 1280, 1000}) == doctest::Approx(70.536));
  const KernelEstimate parts = kernel_estimate(Gemm{1280, 1280, 1000}, round_gpu());
  CHECK(parts.bound() == "compute");
  CHECK(parts.tflops() == doctest::Approx(2.0 * 1280 * 1280 * 1000 / 70.536 / 1e6));
}

TEST_CASE("one row more than the waves hold costs a whole wave") {
  // 1281 rows: 11 x 10 tiles of 128 rows, 11 waves; 5 + 11 * 6.5536 = 77.0896 us. Tiles of 64 rows:
  // 21 x 10 in 21 waves of 3.2768 us: 5 + 68.8128 = 73.8128 us, which is chosen.
  CHECK(us(Gemm{1281, 1280, 1000}) == doctest::Approx(73.8128));
}

TEST_CASE("a product of few rows takes the reading of its weights") {
  // One row, n = k = 8192: 64 tiles of 64 rows, all computed, split by 8 along k: 512 pieces in 52
  // waves of 2 * 64 * 128 * 1024 / 5e6 = 3.36 us: arithmetic, on a GPU as slow as this one.
  const KernelEstimate parts = kernel_estimate(Gemm{1, 8192, 8192}, round_gpu());
  const double best = 52 * (2.0 * 64 * 128 * 8192 / 8 / 5e6);
  CHECK(parts.total_us() == doctest::Approx(5 + best));
  // With a hundred times the arithmetic: 2 * 8192 * 8192 bytes of weights and 32 KiB of input and
  // output at 1e6 bytes/us.
  GpuConstants fast = round_gpu();
  fast.bf16_TFLOPS = 10'000;
  CHECK(us(Gemm{1, 8192, 8192}, fast) ==
        doctest::Approx(5 + (2.0 * 8192 * 8192 + 2 * 8192 + 2 * 8192) / 1e6));
  CHECK(kernel_estimate(Gemm{1, 8192, 8192}, fast).bound() == "memory");
}

TEST_CASE("a product is computed in the wider of its formats, and in what the GPU has") {
  const GpuConstants gpu = round_gpu();
  CHECK(arithmetic_of(Number::fp8, Number::fp8, gpu) == Arithmetic::fp8);
  CHECK(arithmetic_of(Number::bf16, Number::fp8, gpu) == Arithmetic::bf16);
  CHECK(arithmetic_of(Number::bf16, Number::int4, gpu) == Arithmetic::bf16);
  CHECK(arithmetic_of(Number::fp4, Number::fp4, gpu) == Arithmetic::fp8);
  GpuConstants old = gpu;
  old.fp8_TFLOPS = 0;
  CHECK(arithmetic_of(Number::fp8, Number::fp8, old) == Arithmetic::bf16);
  // Twice the peak, half of the arithmetic: 5 + 10 * 3.2768 us.
  CHECK(us(Gemm{1280, 1280, 1000, Number::fp8, Number::fp8}) == doctest::Approx(37.768));
}

TEST_CASE("four-bit weights have scales: 1/8 more") {
  CHECK(stored_bytes_of(Number::fp4) == 0.5625);
  CHECK(stored_bytes_of(Number::int4) == 0.5625);
  CHECK(stored_bytes_of(Number::fp8) == 1);
}

TEST_CASE("experts read the weights of those that are hit, and pad rows to tiles") {
  // 4 experts hit of 8, 2 rows each, hidden 1024, inter 512: 4 * 3 * 1024 * 512 * 2 = 12.583 MB and
  // 8 * (2 * 1024 + 3 * 512) * 2 = 57,344 bytes: 12.640 us. Arithmetic in tiles of 16 rows:
  // gate and up: 4 * 8 tiles, 4 waves of 2 * 16 * 128 * 1024 / 5e6 = 0.839 us; down: the same
  // tiles, 4 waves of 0.419 us: 5.03 us. Memory decides: 17.640 us.
  ExpertsGemm experts;
  experts.rows = 8;
  experts.tokens = 4;
  experts.experts = 8;
  experts.experts_hit = 4;
  experts.hidden = 1024;
  experts.inter = 512;
  CHECK(us(experts) == doctest::Approx(5 + (4.0 * 3 * 1024 * 512 * 2 + 57'344) / 1e6));
  // 100 rows each: tiles of 128 rows, gate and up 32 tiles, 4 waves of 6.71 us, down 4 of 3.36 us:
  // 40.27 us; of 16 rows 7 * 32 tiles in 23 waves of 0.839 and 0.419 us: 28.94 us, chosen.
  experts.rows = 400;
  CHECK(us(experts) == doctest::Approx(5 + 23 * (0.8388608 + 0.4194304)));
  // An expectation of 4 experts less 1e-12 has 16 rows each, not one more: one tile of 16 rows.
  experts.rows = 64;
  const double whole = us(experts);
  experts.experts_hit = 4 * (1 - 1e-12);
  CHECK(us(experts) == doctest::Approx(whole));
}

TEST_CASE("prefill computes blocks of 128 queries, those of the diagonal whole") {
  // One request of 1280 tokens, 10 heads of 64 + 64 columns: pairs = 1280 * 1281 / 2 = 819,840, and
  // 64 * 1280 more on the diagonal: 2 * 901,760 * 10 * 128 FLOP at 50e6 FLOP/us = 46.17 us; 100
  // blocks fill the 10 SMs.
  Attention attention;
  attention.requests = 1;
  attention.tokens = 1280;
  attention.pairs = 819'840;
  attention.kv_tokens = 1280;
  attention.heads = 10;
  attention.kv_heads = 1;
  attention.qk_dim = attention.v_dim = 64;
  CHECK(us(attention) == doctest::Approx(5 + 2 * 901'760.0 * 10 * 128 / 50e6));
  // 128 tokens, one head: one block on one of ten SMs takes ten times its share.
  attention.tokens = attention.kv_tokens = 128;
  attention.pairs = 8256;
  attention.heads = 1;
  CHECK(us(attention) == doctest::Approx(5 + 10 * 2 * (8256 + 64 * 128.0) * 128 / 50e6));
}

TEST_CASE("decode reads the cache; a latent cache is read once for keys and values") {
  // 4 requests of 1000 positions, 8 heads on 2 cached heads of 128 + 128 columns in bf16:
  // 4000 * 2 * 256 * 2 = 4.096 MB, and 4 * 8 * 256 * 2 bytes of queries and results.
  Attention attention;
  attention.decode = true;
  attention.requests = attention.tokens = 4;
  attention.pairs = attention.kv_tokens = 4000;
  attention.heads = 8;
  attention.kv_heads = 2;
  attention.qk_dim = attention.v_dim = 128;
  CHECK(us(attention) == doctest::Approx(5 + (4000.0 * 2 * 256 * 2 + 4.0 * 8 * 256 * 2) / 1e6));
  // Absorbed MLA, 128 heads: 4000 * 576 * 2 bytes, but 2 * 4000 * 128 * 1088 FLOP at 50e6/us.
  attention.latent = true;
  attention.heads = 128;
  attention.kv_heads = 1;
  attention.qk_dim = 576;
  attention.v_dim = 512;
  CHECK(us(attention) == doctest::Approx(5 + 2 * 4000.0 * 128 * 1088 / 50e6));
}

TEST_CASE("elementwise kernels take their bytes, top-k its passes over the rows") {
  CHECK(us(Elementwise{3'000'000, 1'000'000}) == doctest::Approx(5 + 4));
  CHECK(kernel_estimate(Elementwise{1000, 1000}, round_gpu()).bound() == "floor");
  // A norm of 100 rows of 2,048 columns, 10 SMs of 4 rows: three rounds of 1 + 2 x 3 us.
  GpuConstants gpu = round_gpu();
  gpu.norm = {4, 1, 3};
  CHECK(us(Elementwise{409'600, 409'600, 100, 2048}, gpu) == doctest::Approx(5 + 3 * (1 + 2 * 3)));
  CHECK(us(Elementwise{40'960'000, 40'960'000, 100, 2048}, gpu) == doctest::Approx(5 + 81.92));
  CHECK(us(Elementwise{409'600, 409'600}, gpu) == doctest::Approx(5 + 0.8192));
  // docs/cost_models_kernels.md: 2,048 rows on 132 SMs of 8 are two rounds.
  gpu.sms = 132;
  gpu.hbm_GBps = 4800;
  gpu.elementwise = {0.3139, 1.964};
  gpu.norm = {8, 1.321, 1.385};
  CHECK(us(Elementwise{7'340'032, 7'340'032, 512, 7168}, gpu) ==
        doctest::Approx(1.964 + 1.321 + 7 * 1.385));
  CHECK(us(Elementwise{11'796'480, 11'796'480, 2048, 2880}, gpu) ==
        doctest::Approx(17.62).epsilon(0.001));
  // 100 rows on 10 SMs of 4: three rounds of 8 passes of 2 us.
  CHECK(us(TopK{100, 256, 8}) == doctest::Approx(5 + 3 * 8 * 2));
}

TEST_CASE("no work takes no time") {
  CHECK(us(Gemm{}) == 0);
  CHECK(us(ExpertsGemm{}) == 0);
  CHECK(us(Attention{}) == 0);
  CHECK(us(Elementwise{}) == 0);
  CHECK(us(TopK{}) == 0);
}

TEST_CASE("presets give published times within a fifth") {
  const auto published = [](const char* preset, const Kernel& kernel, double measured) {
    const double predicted = us(kernel, load_hardware(preset)->gpu);
    CAPTURE(preset);
    CAPTURE(measured);
    CHECK(predicted == doctest::Approx(measured).epsilon(0.2));
  };
  // ai-dynamo/aiconfigurator@095f58a, N = K = 7168.
  published("hgx-h200", Gemm{64, 7168, 7168}, 27.973);
  published("hgx-h200", Gemm{4096, 7168, 7168}, 526.38);
  published("hgx-h200", Gemm{4096, 7168, 7168, Number::fp8, Number::fp8}, 321.1);
  published("hgx-b200", Gemm{4096, 7168, 7168}, 278.85);
  published("hgx-b200", Gemm{1024, 7168, 7168, Number::fp8, Number::fp8}, 51.343);
  published("hgx-b200", Gemm{64, 7168, 7168, Number::fp4, Number::fp4}, 11.531);
}

TEST_CASE("more work never takes less time") {
  const GpuConstants& gpu = default_hardware().gpu;
  double before = 0;
  for (std::int64_t m = 1; m <= 8192; m *= 2) {
    const double now = us(Gemm{m, 7168, 2048}, gpu);
    CHECK(now >= before);
    before = now;
  }
}

}  // namespace lockstep
