// The signals that the coordinator answers, as a file to read them from instead of handlers:
// SIGCHLD, SIGINT, SIGTERM. Nothing global remains: mask and dispositions are put back at the end.
#pragma once

#include <signal.h>

#include "backend/process/file.h"

namespace lockstep::process {

class BlockedSignals {
 public:
  // Throws std::system_error.
  BlockedSignals();
  ~BlockedSignals();
  BlockedSignals(const BlockedSignals&) = delete;
  BlockedSignals& operator=(const BlockedSignals&) = delete;

  // Readable when a signal is pending.
  int file() const { return file_.get(); }
  // Takes what is pending; returns SIGINT or SIGTERM if one of them is, else 0.
  int take();
  // As it was before.
  const sigset_t& old_mask() const { return old_mask_; }

 private:
  File file_;
  sigset_t old_mask_{};
  struct sigaction old_child_action_ = {};
};

}  // namespace lockstep::process
