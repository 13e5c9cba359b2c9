#include "backend/process/fork.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <exception>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <system_error>

#include "backend/process/control.h"
#include "backend/process/failure.h"

namespace lockstep::process {

namespace {

constexpr int kFailed = 1;

void die_with(pid_t parent) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent) _exit(kFailed);  // it ended before the line above
}

void reset_signals(const sigset_t& mask) {
  struct sigaction action = {};
  action.sa_handler = SIG_DFL;
  for (int signal = 1; signal < NSIG; ++signal) sigaction(signal, &action, nullptr);
  action.sa_handler = SIG_IGN;
  sigaction(SIGINT, &action, nullptr);
  sigprocmask(SIG_SETMASK, &mask, nullptr);
}

void close_files(int first, int last) {
  if (first > last) return;
  if (close_range(static_cast<unsigned>(first), static_cast<unsigned>(last), 0) == 0) return;
  // A kernel before 5.9, or a sandbox that does not know the call.
  const long end = std::min(static_cast<long>(last) + 1, sysconf(_SC_OPEN_MAX));
  for (int file = first; file < end; ++file) close(file);
}

// Closes all but the standard streams, `a` and `b`, which are none of these.
void close_all_but(int a, int b) {
  const auto [low, high] = std::minmax(a, b);
  close_files(STDERR_FILENO + 1, low - 1);
  close_files(low + 1, high - 1);
  close_files(high + 1, std::numeric_limits<int>::max());
}

void silence_input_and_output() {
  const int nothing = open("/dev/null", O_RDWR | O_CLOEXEC);
  dup2(nothing, STDIN_FILENO);
  dup2(nothing, STDOUT_FILENO);
  if (nothing > STDERR_FILENO) close(nothing);
}

void accuse(const Member& member, Cause cause, int peer, std::string_view text) {
  std::byte head[kFailureHeadBytes];
  put_number(std::span(head).first(4), static_cast<std::uint32_t>(cause));
  put_number(std::span(head).last(4), static_cast<std::uint32_t>(peer));
  std::string payload = text_of(head);
  payload += text.substr(0, kLongestText - payload.size());
  send_control(member.control(), ControlKind::failure, bytes_of(payload));
}

// The life of a member in its own process. Returns its exit code.
int live(Member& member, const Body& body) noexcept {
  try {
    const int code = body(member);
    if (!member.has_reported()) member.report({});
    member.board().finish(member.id());
    return code;
  } catch (const Aborted&) {
    return kFailed;  // the coordinator knows why
  } catch (const PeerGone& error) {
    accuse(member, Cause::peer_gone, error.peer(), error.what());
  } catch (const Truncated& error) {
    accuse(member, Cause::peer_gone, error.peer(), error.what());
  } catch (const ProtocolError& error) {
    accuse(member, Cause::protocol, error.peer(), error.what());
  } catch (const TurnedAway& error) {
    accuse(member, Cause::turned_away, error.peer(), error.what());
  } catch (const TimedOut& error) {
    accuse(member, Cause::stalled, error.peer(), error.what());
  } catch (const CollectiveError& error) {
    accuse(member, Cause::collective, -1, error.what());
  } catch (const std::exception& error) {
    accuse(member, Cause::threw, -1, error.what());
  } catch (...) {
    accuse(member, Cause::threw, -1, "an exception that is no std::exception");
  }
  return kFailed;
}

}  // namespace

Child fork_member(Member& member, const Body& body, const sigset_t& mask) {
  const pid_t parent = getpid();
  const pid_t child = fork();
  if (child < 0) {
    throw std::system_error(
        errno, std::generic_category(),
        fmt::format("a process for {}; `ulimit -u` bounds their number", member.name()));
  }
  if (child > 0) {
    member.board().enter(member.id(), child);
    return Child(child);
  }
  die_with(parent);
  reset_signals(mask);
  close_all_but(member.listener(), member.control());
  silence_input_and_output();
  member.board().enter(member.id(), getpid());
  _exit(live(member, body));
}

}  // namespace lockstep::process
