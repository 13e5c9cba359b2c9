// Runs all tests; without a CUDA device those of the suite "gpu" are left out.
#define DOCTEST_CONFIG_IMPLEMENT
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <string>

#include "backend/nccl/device.h"

namespace {

constexpr int kSkipped = 77;

}  // namespace

int main(int argc, char** argv) {
  std::string why;
  const bool has_device = lockstep::nccl::device_count(&why) > 0;
  doctest::Context context(argc, argv);
  if (!has_device) context.addFilter("test-suite-exclude", "gpu");
  const int result = context.run();
  if (context.shouldExit() || result != 0 || has_device) return result;
  fmt::print("skipped: the tests of suite \"gpu\", which need a CUDA device: {}\n", why);
  return kSkipped;
}
