// What is said of machines, and how they are looked at.
#include "backend/nccl/launch/machine.h"

#include <doctest/doctest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <stdexcept>

#include "backend/nccl/launch/probe.h"
#include "tests/nccl_host/machines.h"

namespace lockstep::test {
namespace {

using nccl::Machine;

constexpr nccl::Capability kHopper{9, 0};

std::string refusal_of(const Machine& machine) {
  const std::optional<Diagnostic> why = nccl::refusal(machine, kHopper);
  return why ? to_string(*why) : std::string();
}

bool has_no_children() { return waitpid(-1, nullptr, WNOHANG) == -1 && errno == ECHILD; }

TEST_CASE("a machine with a GPU, a driver and NCCL is not refused") {
  CHECK(refusal_of(machine_of(1)) == "");
  CHECK(nccl::text_of(machine_of(1)) == "1 NVIDIA H200 (139.8 GiB), CUDA 13.0, NCCL 2.28.9");
}

TEST_CASE("without a driver, without a GPU, without NCCL: said, with what to do") {
  Machine machine = machine_of(0);
  machine.trouble = "no CUDA-capable device is detected";
  CHECK(refusal_of(machine) ==
        "error: --backend nccl: there is no GPU here: no CUDA-capable device is detected\n"
        "  hint: is CUDA_VISIBLE_DEVICES set? --backend cpu and --backend process need no GPU\n");
  machine.driver_version = 0;
  machine.trouble = "";
  CHECK(refusal_of(machine) ==
        "error: --backend nccl: there is no NVIDIA driver\n"
        "  hint: --backend cpu and --backend process need no GPU\n");
  machine = machine_of(1);
  machine.nccl_version = 0;
  machine.trouble = "no libnccl.so.2";
  CHECK(refusal_of(machine).starts_with(
      "error: --backend nccl: NCCL cannot be used: no libnccl.so.2\n"));
  CHECK(to_string(nccl::not_built_in())
            .starts_with("error: --backend nccl: this program was built without CUDA and NCCL\n"));
}

TEST_CASE(
    "a driver of an older major version of CUDA is too old, of an older minor one it is not") {
  Machine machine = machine_of(1);
  machine.driver_version = 12040;
  CHECK(refusal_of(machine) ==
        "error: --backend nccl: the NVIDIA driver knows CUDA 12.4 at most, and this program was "
        "built with CUDA 13.0\n"
        "  hint: install a newer driver, or build Lockstep with CUDA 12.4 or older\n");
  machine.runtime_version = 12080;
  CHECK(refusal_of(machine) == "");
}

TEST_CASE("a GPU that the kernels were not built for is named") {
  Machine machine = machine_of(2);
  machine.gpus[1].name = "NVIDIA A100";
  machine.gpus[1].capability = {8, 0};
  CHECK(refusal_of(machine) ==
        "error: --backend nccl: GPU 1 (NVIDIA A100) has compute capability 8.0, and the kernels "
        "are built for 9.0 and newer\n"
        "  hint: configure with -DCMAKE_CUDA_ARCHITECTURES=80, or leave this GPU out with "
        "CUDA_VISIBLE_DEVICES\n");
}

TEST_CASE("what CUDA says against a GPU is told, and a look that failed is no missing driver") {
  Machine machine = machine_of(2);
  machine.trouble = "all CUDA-capable devices are busy or unavailable";
  CHECK(refusal_of(machine).starts_with(
      "error: --backend nccl: not every GPU can be used: all CUDA-capable devices are busy"));
  Machine nothing;
  nothing.driver_version = nothing.runtime_version = 0;
  nothing.trouble = "the process that looked for GPUs gave no answer in 30000 ms";
  CHECK(refusal_of(nothing).starts_with(
      "error: --backend nccl: the GPUs could not be looked at: the process that looked"));
}

TEST_CASE("a machine comes through a pipe as it was") {
  Machine machine = machine_of(3);
  machine.trouble = "none";
  CHECK(nccl::decode_machine(nccl::encode(machine)) == machine);
  process::Buffer cut = nccl::encode(machine);
  cut.pop_back();
  CHECK_THROWS_AS(nccl::decode_machine(cut), process::BytesError);
}

TEST_CASE("the look happens in a child, which is gone afterwards") {
  const pid_t here = getpid();
  const Machine machine = nccl::probed([&] {
    Machine seen = machine_of(2);
    if (getpid() == here) throw std::runtime_error("not in a child");
    return seen;
  });
  CHECK(machine == machine_of(2));
  CHECK(has_no_children());
}

TEST_CASE("a look that throws, crashes, ends or hangs is told as trouble, and nothing remains") {
  const auto trouble = [](const std::function<Machine()>& look) {
    const Machine machine = nccl::probed(look, std::chrono::milliseconds(300));
    CHECK(machine.gpus.empty());
    return machine.trouble;
  };
  CHECK(trouble([]() -> Machine { throw std::runtime_error("cudaErrorUnknown"); }) ==
        "cudaErrorUnknown");
  CHECK(trouble([]() -> Machine {
          raise(SIGKILL);
          return {};
        }) == "the process that looked for GPUs was killed by SIGKILL");
  CHECK(trouble([]() -> Machine { _exit(3); }) ==
        "the process that looked for GPUs ended without an answer");
  CHECK(trouble([]() -> Machine {
          while (true) pause();
        }) == "the process that looked for GPUs gave no answer in 300 ms");
  CHECK(has_no_children());
}

}  // namespace
}  // namespace lockstep::test
