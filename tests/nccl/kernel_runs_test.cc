// Kernels of the cost models, executed and timed.
#include <doctest/doctest.h>

#include "backend/nccl/kernel_runs.h"
#include "backend/nccl/kernel_timer.h"
#include "tests/nccl/both.h"

namespace lockstep::test {
namespace {

nccl::Spread timed(const Kernel& kernel) {
  const nccl::KernelRun run = nccl::kernel_run(kernel, gpu());
  CHECK(run.why_not.empty());
  REQUIRE(run.enqueue);
  return nccl::time_of(gpu(), run.copies, run.enqueue);
}

void check_times(const Kernel& kernel) {
  const nccl::Spread time = timed(kernel);
  CHECK(time.low_us > 0);
  CHECK(time.low_us <= time.median_us);
  CHECK(time.median_us <= time.high_us);
}

}  // namespace

TEST_CASE("copies of inputs are 128 MB together, and at most 256") {
  CHECK(nccl::cold_copies(200e6) == 1);
  CHECK(nccl::cold_copies(1e6) == 128);
  CHECK(nccl::cold_copies(3e6) == 43);  // 42.7, rounded up
  CHECK(nccl::cold_copies(0) == 256);
}

TEST_CASE("a kernel of each kind is timed" * doctest::test_suite("gpu")) {
  check_times(Gemm{16, 512, 256});
  check_times(Gemm{16, 512, 256, Number::fp32, Number::fp32, 1});
  check_times(ExpertsGemm{32, 16, 8, 8, 256, 128});
  check_times(ExpertsGemm{1, 1, 8, 0.7, 256, 128});
  check_times(Attention{false, false, 2, 64, 2 * 32 * 33 / 2, 64, 4, 2, 64, 64});
  check_times(Attention{true, false, 3, 3, 300, 300, 4, 2, 64, 64});
  check_times(Attention{false, true, 1, 32, 32 * 33 / 2, 32, 4, 1, 192, 128});
  check_times(Elementwise{2 * 8 * 512, 2 * 8 * 512, 8, 512});
}

TEST_CASE("a product that reads 64 times the weights takes longer" * doctest::test_suite("gpu")) {
  // 128 MB of weights against 2 MB, of which each execution reads its own.
  CHECK(timed(Gemm{8, 8192, 8192}).low_us > timed(Gemm{8, 1024, 1024}).high_us);
}

TEST_CASE("what the replay does not compute is said" * doctest::test_suite("gpu")) {
  const auto why_not = [](const Kernel& kernel) {
    const nccl::KernelRun run = nccl::kernel_run(kernel, gpu());
    CHECK(!run.enqueue);
    return run.why_not;
  };
  CHECK(!why_not(Gemm{8, 8, 8, Number::fp8, Number::fp8, 1}).empty());
  CHECK(!why_not(Gemm{8, 8, 8, Number::bf16, Number::bf16, 2}).empty());
  CHECK(!why_not(Attention{true, true, 1, 1, 8, 8, 4, 1, 576, 512}).empty());
  CHECK(!why_not(Elementwise{8, 8}).empty());
  CHECK(!why_not(TopK{8, 256, 8}).empty());
}

}  // namespace lockstep::test
