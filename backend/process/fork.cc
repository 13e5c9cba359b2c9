#include "backend/process/fork.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <string_view>
#include <system_error>

#include "backend/process/control.h"
#include "backend/process/failure.h"

namespace lockstep::process {

// The life of a member in its own process.
class MemberProcess {
 public:
  MemberProcess(Member& member, const Body& body) : member_(member), body_(body) {}

  // Returns the exit code.
  int run() noexcept;

 private:
  void accuse(Cause cause, int peer, std::string_view text);

  Member& member_;
  const Body& body_;
};

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

// Closes all but the standard streams, `a` and `b`.
void close_all_but(int a, int b) {
  constexpr unsigned kAfterStandard = 3;
  const auto low = static_cast<unsigned>(std::min(a, b));
  const auto high = static_cast<unsigned>(std::max(a, b));
  if (low > kAfterStandard) close_range(kAfterStandard, low - 1, 0);
  if (high > low + 1) close_range(std::max(low + 1, kAfterStandard), high - 1, 0);
  close_range(std::max(high + 1, kAfterStandard), ~0U, 0);
}

void silence_input_and_output() {
  const int nothing = open("/dev/null", O_RDWR | O_CLOEXEC);
  dup2(nothing, STDIN_FILENO);
  dup2(nothing, STDOUT_FILENO);
  if (nothing > STDERR_FILENO) close(nothing);
}

}  // namespace

int MemberProcess::run() noexcept {
  try {
    const int code = body_(member_);
    if (!member_.has_reported_) member_.report({});
    member_.board_.finish(member_.id_);
    return code;
  } catch (const Aborted&) {
    return kFailed;  // the coordinator knows why
  } catch (const PeerGone& error) {
    accuse(Cause::peer_gone, error.peer(), error.what());
  } catch (const Truncated& error) {
    accuse(Cause::peer_gone, error.peer(), error.what());
  } catch (const ProtocolError& error) {
    accuse(Cause::protocol, error.peer(), error.what());
  } catch (const TurnedAway& error) {
    accuse(Cause::turned_away, error.peer(), error.what());
  } catch (const TimedOut& error) {
    accuse(Cause::stalled, error.peer(), error.what());
  } catch (const std::exception& error) {
    accuse(Cause::threw, -1, error.what());
  } catch (...) {
    accuse(Cause::threw, -1, "an exception that is no std::exception");
  }
  return kFailed;
}

void MemberProcess::accuse(Cause cause, int peer, std::string_view text) {
  std::byte head[kFailureHeadBytes];
  put_number(std::span(head).first(4), static_cast<std::uint32_t>(cause));
  put_number(std::span(head).last(4), static_cast<std::uint32_t>(peer));
  std::string payload = text_of(head);
  payload += text.substr(0, kLongestText - payload.size());
  send_control(member_.control(), ControlKind::failure, bytes_of(payload));
}

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
  _exit(MemberProcess(member, body).run());
}

}  // namespace lockstep::process
