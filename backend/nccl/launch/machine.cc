#include "backend/nccl/launch/machine.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

namespace lockstep::nccl {
namespace {

constexpr const char* kWithoutGpu = "--backend cpu and --backend process need no GPU";

Diagnostic refused(const std::string& why, const std::string& what_to_do) {
  return plain_fault("--backend nccl: " + why, what_to_do);
}

Diagnostic driver_too_old(const Machine& machine) {
  return refused(
      fmt::format(
          "the NVIDIA driver knows CUDA {} at most, and this program was built with CUDA {}",
          cuda_version_text(machine.driver_version), cuda_version_text(machine.runtime_version)),
      fmt::format("install a newer driver, or build Lockstep with CUDA {} or older",
                  cuda_version_text(machine.driver_version)));
}

}  // namespace

process::Buffer encode(const Machine& machine) {
  process::ByteWriter out;
  out.put(static_cast<std::uint64_t>(machine.gpus.size()));
  for (const Gpu& gpu : machine.gpus) {
    out.put_text(gpu.name);
    out.put(gpu.memory_total);
    out.put(gpu.memory_free);
    out.put(gpu.capability.major);
    out.put(gpu.capability.minor);
    out.put(gpu.is_exclusive ? 1 : 0);
  }
  out.put(machine.driver_version);
  out.put(machine.runtime_version);
  out.put(machine.nccl_version);
  out.put_text(machine.mps_control);
  out.put_text(machine.trouble);
  return out.take();
}

Machine decode_machine(std::span<const std::byte> bytes) {
  constexpr std::size_t kLeastOfGpu = 36;
  process::ByteReader in(bytes);
  Machine machine;
  machine.gpus.resize(in.get_count(kLeastOfGpu));
  for (Gpu& gpu : machine.gpus) {
    gpu.name = in.get_text();
    gpu.memory_total = in.get<std::int64_t>();
    gpu.memory_free = in.get<std::int64_t>();
    gpu.capability.major = in.get<int>();
    gpu.capability.minor = in.get<int>();
    gpu.is_exclusive = in.get<int>() != 0;
  }
  machine.driver_version = in.get<int>();
  machine.runtime_version = in.get<int>();
  machine.nccl_version = in.get<int>();
  machine.mps_control = in.get_text();
  machine.trouble = in.get_text();
  in.expect_end();
  return machine;
}

std::optional<Diagnostic> refusal(const Machine& machine, Capability oldest) {
  const std::string said = machine.trouble.empty() ? "" : ": " + machine.trouble;
  if (machine.runtime_version == 0) {
    return refused("the GPUs could not be looked at" + said, "does nvidia-smi answer?");
  }
  if (machine.driver_version == 0) {
    return refused("there is no NVIDIA driver" + said, kWithoutGpu);
  }
  // A driver of an older major version refuses; within one, CUDA is compatible.
  if (machine.driver_version / 1000 < machine.runtime_version / 1000) {
    return driver_too_old(machine);
  }
  if (machine.gpus.empty()) {
    return refused("there is no GPU here" + said,
                   std::string("is CUDA_VISIBLE_DEVICES set? ") + kWithoutGpu);
  }
  if (machine.nccl_version == 0) {
    return refused("NCCL cannot be used: " + machine.trouble, kWithoutGpu);
  }
  for (std::size_t i = 0; i < machine.gpus.size(); ++i) {
    const Gpu& gpu = machine.gpus[i];
    if (gpu.capability >= oldest) continue;
    return refused(fmt::format("GPU {} ({}) has compute capability {}.{}, and the kernels are "
                               "built for {}.{} and newer",
                               i, gpu.name, gpu.capability.major, gpu.capability.minor,
                               oldest.major, oldest.minor),
                   fmt::format("configure with -DCMAKE_CUDA_ARCHITECTURES={}{}, or leave this GPU "
                               "out with CUDA_VISIBLE_DEVICES",
                               gpu.capability.major, gpu.capability.minor));
  }
  if (!machine.trouble.empty()) {
    return refused("not every GPU can be used" + said,
                   "leave out with CUDA_VISIBLE_DEVICES whichever is busy or broken");
  }
  return std::nullopt;
}

Diagnostic not_built_in() {
  return refused("this program was built without CUDA and NCCL",
                 std::string("configure where both are found, with -DLOCKSTEP_CUDA=ON to be told "
                             "what is missing; ") +
                     kWithoutGpu);
}

std::string text_of(const Machine& machine) {
  std::map<std::string, int> counts;  // of equal GPUs
  for (const Gpu& gpu : machine.gpus) {
    ++counts[fmt::format("{} ({})", gpu.name, gibibytes(gpu.memory_total))];
  }
  std::string text = counts.empty() ? "no GPU" : "";
  for (const auto& [name, count] : counts) {
    text += fmt::format("{}{} {}", text.empty() ? "" : ", ", count, name);
  }
  if (machine.driver_version > 0) {
    text +=
        ", CUDA " + cuda_version_text(std::min(machine.driver_version, machine.runtime_version));
  }
  if (machine.nccl_version > 0) text += ", NCCL " + nccl_version_text(machine.nccl_version);
  return text;
}

// 1000 * major + 10 * minor.
std::string cuda_version_text(int version) {
  return fmt::format("{}.{}", version / 1000, version % 1000 / 10);
}

// 10000 * major + 100 * minor + patch, since NCCL 2.9.
std::string nccl_version_text(int version) {
  return fmt::format("{}.{}.{}", version / 10000, version % 10000 / 100, version % 100);
}

std::string gibibytes(std::int64_t bytes) {
  return fmt::format("{:.1f} GiB", static_cast<double>(bytes) / (1 << 30));
}

}  // namespace lockstep::nccl
