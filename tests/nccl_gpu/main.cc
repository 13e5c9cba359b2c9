// Runs all tests where there is a GPU that can be used.
#define DOCTEST_CONFIG_IMPLEMENT
#include <doctest/doctest.h>
#include <fmt/format.h>

#include "tests/nccl_gpu/machine.h"

int main(int argc, char** argv) {
  constexpr int kSkipped = 77;
  constexpr lockstep::nccl::Capability kHopper{9, 0};
  const lockstep::nccl::Machine& machine = lockstep::test::this_machine();
  if (const auto why = lockstep::nccl::refusal(machine, kHopper)) {
    fmt::print("skipped: {}", to_string(*why));
    return kSkipped;
  }
  fmt::print("{}\n", text_of(machine));
  return doctest::Context(argc, argv).run();
}
