// A process that its owner started: killed and waited for with it.
#pragma once

#include <sys/types.h>

#include <optional>
#include <utility>

namespace lockstep::process {

class Child {
 public:
  // `pid`: of a child of this process that nobody else waits for.
  explicit Child(pid_t pid) : pid_(pid) {}
  ~Child();
  Child(Child&& other) noexcept : pid_(std::exchange(other.pid_, 0)) {}
  Child& operator=(Child&&) = delete;

  // False once change() has told its end.
  bool runs() const { return pid_ > 0; }
  // What has become of it since the last call, if anything: a status for WIFSTOPPED and the like.
  std::optional<int> change();
  // Sends SIGKILL to it if it runs; does not wait.
  void kill() const;

 private:
  pid_t pid_;
};

}  // namespace lockstep::process
