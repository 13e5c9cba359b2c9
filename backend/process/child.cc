#include "backend/process/child.h"

#include <signal.h>
#include <sys/wait.h>

#include <cerrno>

namespace lockstep::process {

Child::~Child() {
  kill();
  while (runs() && waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
  }
}

std::optional<int> Child::change() {
  int status = 0;
  if (!runs() || waitpid(pid_, &status, WNOHANG | WUNTRACED | WCONTINUED) <= 0) return std::nullopt;
  if (WIFEXITED(status) || WIFSIGNALED(status)) pid_ = 0;
  return status;
}

void Child::kill() const {
  if (runs()) ::kill(pid_, SIGKILL);
}

}  // namespace lockstep::process
