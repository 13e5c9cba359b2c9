// lockstep: CUDA and NCCL are in the program beside it, if they were there when it was built.
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "backend/nccl/launch/machine.h"
#include "tools/nccl_program.h"

namespace lockstep::tools {
namespace {

// As this process was given them.
std::vector<std::string> own_arguments() {
  std::ifstream file("/proc/self/cmdline", std::ios::binary);
  const std::string all{std::istreambuf_iterator<char>(file), {}};
  std::vector<std::string> arguments;
  for (std::size_t at = 0; at < all.size(); at += arguments.back().size() + 1) {
    arguments.emplace_back(all.c_str() + at);
  }
  return arguments;
}

}  // namespace

GpuReplay gpu_replay() { return nullptr; }

KernelTimer kernel_timer() { return nullptr; }

Diagnostic become_nccl_program() {
  std::error_code error;
  const auto program = std::filesystem::read_symlink("/proc/self/exe", error);
  const std::string beside = program.parent_path() / "lockstep-nccl";
  if (error || !std::filesystem::exists(beside, error)) return nccl::not_built_in();
  std::vector<std::string> arguments = own_arguments();
  std::vector<char*> pointers;
  for (std::string& argument : arguments) pointers.push_back(argument.data());
  pointers.push_back(nullptr);
  execv(beside.c_str(), pointers.data());
  return plain_fault("cannot start " + beside + ": " + std::strerror(errno),
                     "is it built for this machine?");
}

}  // namespace lockstep::tools
