// What is said to a daemon of NVIDIA's Multi-Process Service, and what is done where it does not
// listen. MpsDaemon (mps.h) is for whoever wants to use one.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "backend/nccl/launch/command.h"
#include "backend/nccl/launch/mps.h"

namespace lockstep::nccl {

class MpsControl {
 public:
  // `directory`: of the daemon's own, which exists; removed by end().
  MpsControl(const MpsOptions& options, std::string directory);

  const Environment& client_environment() const { return client_environment_; }

  // Starts the daemon and waits until it answers. Throws MpsError.
  void start() const;
  // Tells it to quit, waits, kills who is left, removes the directory. The text says what did not
  // go as it should; empty: nothing.
  std::string end() const;

 private:
  Finished ask(const std::string& question, std::chrono::milliseconds limit) const;
  std::vector<pid_t> processes() const;
  bool are_gone_within(std::chrono::milliseconds limit) const;

  MpsOptions options_;
  std::string directory_;
  Environment client_environment_;
};

}  // namespace lockstep::nccl
