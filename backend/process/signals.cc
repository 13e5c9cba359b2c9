#include "backend/process/signals.h"

#include <sys/signalfd.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

namespace lockstep::process {

BlockedSignals::BlockedSignals() {
  sigset_t signals;
  sigemptyset(&signals);
  for (const int signal : {SIGCHLD, SIGINT, SIGTERM}) sigaddset(&signals, signal);
  file_ = File(signalfd(-1, &signals, SFD_NONBLOCK | SFD_CLOEXEC));
  if (!file_) throw std::system_error(errno, std::generic_category(), "a file of signals");
  // Where SIGCHLD is ignored, ended children vanish and nobody learns how they ended.
  struct sigaction action = {};
  action.sa_handler = SIG_DFL;
  sigaction(SIGCHLD, &action, &old_child_action_);
  sigprocmask(SIG_BLOCK, &signals, &old_mask_);
}

BlockedSignals::~BlockedSignals() {
  take();
  sigaction(SIGCHLD, &old_child_action_, nullptr);
  sigprocmask(SIG_SETMASK, &old_mask_, nullptr);
}

int BlockedSignals::take() {
  int found = 0;
  signalfd_siginfo info{};
  while (read(file_.get(), &info, sizeof info) == static_cast<ssize_t>(sizeof info)) {
    if (info.ssi_signo != SIGCHLD) found = static_cast<int>(info.ssi_signo);
  }
  return found;
}

}  // namespace lockstep::process
