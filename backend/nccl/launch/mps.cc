#include "backend/nccl/launch/mps.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <optional>
#include <utility>

#include "backend/nccl/launch/mps_control.h"
#include "backend/process/child.h"
#include "backend/process/file.h"

namespace lockstep::nccl {
namespace {

using Clock = std::chrono::steady_clock;
using process::File;
using std::chrono::milliseconds;

constexpr char kStarted = '+';
constexpr char kFailed = '-';  // then the reason

struct Pipe {
  File from;
  File to;
};

Pipe make_pipe() {
  std::array<int, 2> ends{};
  if (pipe2(ends.data(), O_CLOEXEC) != 0) {
    throw MpsError(fmt::format("no pipe is to be had ({})", std::strerror(errno)));
  }
  return {process::above_standard_streams(File(ends[0])),
          process::above_standard_streams(File(ends[1]))};
}

// A directory of our own (0700), for sockets, whose paths must be short.
std::string make_directory() {
  constexpr std::size_t kLongest = 60;
  std::error_code error;
  std::string path = std::filesystem::temp_directory_path(error).string();
  if (error || path.size() > kLongest) path = "/tmp";
  path += "/lockstep-mps-XXXXXX";
  if (mkdtemp(path.data()) == nullptr) {
    throw MpsError(fmt::format("no directory {} is to be had ({})", path, std::strerror(errno)));
  }
  return path;
}

void say(int to, const std::string& text) {
  const char* at = text.data();
  std::size_t left = text.size();
  while (left > 0) {
    const ssize_t written = write(to, at, left);
    if (written <= 0) return;  // nobody listens any more
    at += written;
    left -= static_cast<std::size_t>(written);
  }
}

// The next bytes, at most a page; empty at the end, nothing if neither has come by then.
std::optional<std::string> hear(int from, Clock::time_point deadline) {
  while (true) {
    const auto left = std::chrono::duration_cast<milliseconds>(deadline - Clock::now());
    if (left.count() <= 0) return std::nullopt;
    pollfd wanted{from, POLLIN, 0};
    if (poll(&wanted, 1, static_cast<int>(left.count())) <= 0) continue;
    std::array<char, 4096> bytes{};
    const ssize_t count = read(from, bytes.data(), bytes.size());
    if (count >= 0) return std::string(bytes.data(), static_cast<std::size_t>(count));
  }
}

// ---- in the guardian --------------------------------------------------------------------------

// No terminal's signal reaches it, and it holds nothing open that is its parent's. The daemon
// becomes its child: in a container there may be nobody else to wait for orphans.
void detach(int a, int b) {
  setsid();
  prctl(PR_SET_CHILD_SUBREAPER, 1);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGPIPE, SIGQUIT}) {
    ::signal(signal, SIG_IGN);
  }
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  const int nothing = open("/dev/null", O_RDWR | O_CLOEXEC);
  for (const int stream : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) dup2(nothing, stream);
  const long end = sysconf(_SC_OPEN_MAX);
  constexpr long kMost = 4096;  // of a coordinator; a limit may be a million
  for (int file = STDERR_FILENO + 1; file < std::min(end, kMost); ++file) {
    if (file != a && file != b) close(file);
  }
}

// Until the owner is gone or lets go.
void wait_for_end(int from) {
  char byte = 0;
  while (read(from, &byte, 1) < 0 && errno == EINTR) {
  }
}

[[noreturn]] void guard(const MpsControl& control, int from, int to) {
  detach(from, to);
  bool is_started = false;
  try {
    control.start();
    is_started = true;
    say(to, std::string(1, kStarted));
    wait_for_end(from);
  } catch (const std::exception& error) {
    if (!is_started) say(to, kFailed + std::string(error.what()));
  }
  try {
    say(to, control.end());
  } catch (const std::exception& error) {
    say(to, error.what());
  }
  while (waitpid(-1, nullptr, WNOHANG) > 0) {
  }
  _exit(0);
}

}  // namespace

// ---- in its owner -----------------------------------------------------------------------------

class MpsDaemon::Impl {
 public:
  explicit Impl(const MpsOptions& options)
      : options_(options), control_(options, make_directory()) {
    Pipe letting_go = make_pipe();
    Pipe telling = make_pipe();
    const pid_t pid = fork();
    if (pid < 0) {
      const std::string why = std::strerror(errno);
      control_.end();
      throw MpsError(fmt::format("no process is to be had ({})", why));
    }
    if (pid == 0) guard(control_, letting_go.from.get(), telling.to.get());
    guardian_.emplace(pid);
    hold_ = std::move(letting_go.to);
    hear_ = std::move(telling.from);
  }

  // What the guardian says first: nothing if the daemon has started, else why not.
  std::optional<std::string> why_not_started() {
    const auto answer = hear(hear_.get(), Clock::now() + options_.start_limit + kMargin);
    if (!answer) return "the process that starts the MPS daemon does not answer";
    if (answer->empty()) return "the process that starts the MPS daemon has ended";
    if (answer->front() == kStarted) return std::nullopt;
    return answer->substr(1);
  }

  std::string stop() {
    if (!guardian_) return {};
    hold_.close();
    const Clock::time_point deadline = Clock::now() + 3 * options_.quit_limit + kMargin;
    std::string trouble;
    bool has_ended = false;
    while (true) {
      const std::optional<std::string> more = hear(hear_.get(), deadline);
      has_ended = more && more->empty();
      if (!more || more->empty()) break;
      trouble += *more;
    }
    const bool was_killed = !has_ended || !ended_by_itself();
    guardian_.reset();
    if (!was_killed) return trouble;
    return "its guardian is gone; " + control_.end();
  }

  const Environment& client_environment() const { return control_.client_environment(); }

 private:
  static constexpr milliseconds kMargin{3000};

  // It has closed its end of the pipe.
  bool ended_by_itself() {
    const Clock::time_point deadline = Clock::now() + kMargin;
    while (Clock::now() < deadline) {
      const std::optional<int> status = guardian_->change();
      if (!guardian_->runs()) return status == 0;
      poll(nullptr, 0, 2);
    }
    return false;
  }

  MpsOptions options_;
  MpsControl control_;
  std::optional<process::Child> guardian_;
  File hold_;
  File hear_;
};

MpsDaemon::MpsDaemon(const MpsOptions& options) : impl_(std::make_unique<Impl>(options)) {
  if (const std::optional<std::string> why = impl_->why_not_started()) {
    const std::string trouble = impl_->stop();
    throw MpsError(trouble.empty() ? *why : *why + "; " + trouble);
  }
}

MpsDaemon::~MpsDaemon() { stop(); }

const Environment& MpsDaemon::client_environment() const { return impl_->client_environment(); }

std::string MpsDaemon::stop() { return impl_->stop(); }

}  // namespace lockstep::nccl
