// A private daemon of NVIDIA's Multi-Process Service, started, used and stopped: the kernels of
// processes that share a GPU then run side by side.
//
//   MpsDaemon daemon({.control = machine.mps_control, .environment = current_environment()});
//   ... processes with daemon.client_environment() touch CUDA, and end ...
//   daemon.stop();   // or its destructor
//
// The daemon detaches itself, and would outlive whoever started it. So a guardian, a process of
// ours, starts it and waits for us: when we stop it, and also when we are killed, it tells the
// daemon to quit, waits until the daemon and its servers are gone, kills those that are not, and
// removes their directory.
#pragma once

#include <chrono>
#include <memory>
#include <stdexcept>
#include <string>

#include "backend/nccl/launch/placement.h"

namespace lockstep::nccl {

class MpsError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

struct MpsOptions {
  std::string control;                           // the program nvidia-cuda-mps-control
  Environment environment;                       // of the daemon, beside its own directories
  std::chrono::milliseconds start_limit{20000};  // until it answers
  std::chrono::milliseconds quit_limit{5000};    // from `quit` until it is gone
};

class MpsDaemon {
 public:
  // Returns when the daemon answers. Other daemons, of other directories, are left alone.
  // Throws MpsError, which says what the daemon said; then nothing of it is left.
  // REQUIRES: one thread; CUDA has not been touched in this process.
  explicit MpsDaemon(const MpsOptions& options);
  ~MpsDaemon();
  MpsDaemon(const MpsDaemon&) = delete;
  MpsDaemon& operator=(const MpsDaemon&) = delete;

  // What its clients must have in their environment before they touch CUDA.
  const Environment& client_environment() const;

  // Returns when nothing of it is left. The text says what went wrong on the way; empty: nothing.
  std::string stop();

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace lockstep::nccl
