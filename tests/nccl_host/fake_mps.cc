#include "tests/nccl_host/fake_mps.h"

#include <stdlib.h>

#include <fstream>
#include <stdexcept>
#include <system_error>

namespace lockstep::test {
namespace {

constexpr const char* kProgram = R"sh(#!/bin/sh
pids="$CUDA_MPS_PIPE_DIRECTORY/pids"
case "$1" in
  -d)
    case "$FAKE_MPS" in
      refuses) echo "An instance of this daemon is" >&2; echo "already running" >&2; exit 1 ;;
      hangs) exec sleep 1000 ;;
      vanishes) exit 0 ;;
    esac
    setsid "$0" --serve </dev/null >/dev/null 2>&1 &
    exit 0 ;;
  --serve)
    sleep 1000 &
    echo "$$ $!" > "$pids.new"
    mv "$pids.new" "$pids"
    wait ;;
  *)
    read -r question
    [ "$FAKE_MPS" = silent ] && exec sleep 1000
    [ -f "$pids" ] || { echo "Cannot find MPS control daemon process"; exit 1; }
    kill -0 $(cat "$pids") || exit 1
    case "$question" in
      quit) [ "$FAKE_MPS" = deaf ] || kill $(cat "$pids") ;;
      *) echo 4711 ;;
    esac ;;
esac
)sh";

}  // namespace

TemporaryDirectory::TemporaryDirectory() {
  std::string name = (std::filesystem::temp_directory_path() / "lockstep-test-XXXXXX").string();
  if (mkdtemp(name.data()) == nullptr) throw std::runtime_error("no temporary directory");
  path_ = name;
}

TemporaryDirectory::~TemporaryDirectory() {
  std::error_code error;
  std::filesystem::remove_all(path_, error);
}

std::string write_fake_mps(const std::filesystem::path& folder) {
  const std::filesystem::path path = folder / "nvidia-cuda-mps-control";
  std::ofstream(path) << kProgram;
  std::filesystem::permissions(path, std::filesystem::perms::owner_all);
  return path.string();
}

}  // namespace lockstep::test
