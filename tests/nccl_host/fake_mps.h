// A program that behaves as nvidia-cuda-mps-control does, or as it should not.
#pragma once

#include <filesystem>
#include <string>

namespace lockstep::test {

// A directory that goes with it.
class TemporaryDirectory {
 public:
  TemporaryDirectory();
  ~TemporaryDirectory();
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

// Writes the program into `folder`; returns its path. Its environment says how it behaves,
// FAKE_MPS=
//   (nothing)  well: a daemon and a server, which end at `quit`
//   refuses    -d says why not, and exits with 1
//   hangs      -d never ends
//   vanishes   -d succeeds, and there is no daemon
//   silent     the daemon answers no question
//   deaf       the daemon takes `quit`, and stays
std::string write_fake_mps(const std::filesystem::path& folder);

}  // namespace lockstep::test
