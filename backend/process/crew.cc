#include "backend/process/crew.h"

#include <fmt/format.h>
#include <sys/wait.h>

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cstdint>
#include <deque>
#include <utility>

#include "backend/process/control.h"
#include "backend/process/signals.h"
#include "backend/process/start.h"
#include "backend/process/suspects.h"
#include "sim/base/require.h"

namespace lockstep::process {
namespace {

namespace asio = boost::asio;
using asio::posix::stream_descriptor;
using Duration = CrewOptions::Duration;

constexpr Duration kTick{50};
constexpr std::size_t kMostNotes = 1000;

double seconds(Duration duration) { return std::chrono::duration<double>(duration).count(); }

// Time in which the coordinator ran: a tick that came much too late counts as a short one.
class Watch {
 public:
  Duration now() const { return now_; }
  void tick() {
    const Clock::time_point now = Clock::now();
    const auto elapsed = std::chrono::duration_cast<Duration>(now - last_);
    now_ += std::min(elapsed, 10 * kTick);
    last_ = now;
  }

 private:
  using Clock = std::chrono::steady_clock;
  Clock::time_point last_ = Clock::now();
  Duration now_{0};
};

}  // namespace

class Crew::Supervisor {
 public:
  Supervisor(CrewOptions options, const Body& body);
  ~Supervisor() { end_all(); }

  Outcome wait();
  const Board& board() const { return board_; }

 private:
  struct Process {
    Child child;
    stream_descriptor control;
    ControlReader reader;
    bool has_reported = false;
    std::optional<Duration> stopped_at;
    int stop_signal = 0;
  };

  void watch_signals();
  void watch_control(int member);
  void watch_time();

  void look_at_processes();
  void look_at(int member);
  void ended(int member, int status);
  void read_control(int member);
  void take(int member, ControlMessage message);
  void take_failure(int member, Bytes payload);
  void check_limits();
  bool all_wait() const;
  void accuse_of_idling(Duration limit);
  void check_arrivals();
  void check_stopped(int member);
  void accuse(Accusation accusation);
  void interrupt(int signal);

  std::vector<Position> positions() const;
  bool all_done() const;
  bool is_decided() const;
  void end_all();
  Process& process(int member) { return processes_[static_cast<std::size_t>(member)]; }
  int started() const { return static_cast<int>(processes_.size()); }

  CrewOptions options_;
  Naming naming_;
  Board board_;
  BlockedSignals signals_;
  Started started_;  // before anything of Asio exists: nothing of it is inherited
  asio::io_context io_;
  stream_descriptor signal_file_;
  asio::steady_timer timer_;
  std::deque<Process> processes_;
  Watch watch_;
  std::uint64_t beats_ = 0;
  Duration progress_at_{0};
  Duration suspected_at_{0};
  bool all_arrived_ = false;
  bool is_concluded_ = false;
  Suspects suspects_;
  Outcome outcome_;
};

Crew::Supervisor::Supervisor(CrewOptions options, const Body& body)
    : options_(std::move(options)),
      naming_{options_.ranks, options_.operation_name},
      board_(options_.ranks + (options_.observer ? 1 : 0)),
      started_(start_members(options_, board_, body, signals_.old_mask())),
      io_(BOOST_ASIO_CONCURRENCY_HINT_UNSAFE),
      signal_file_(io_),
      timer_(io_) {
  outcome_.reports.resize(static_cast<std::size_t>(board_.members()));
  for (StartedMember& member : started_.members) {
    processes_.push_back(Process{.child = std::move(member.child),
                                 .control = stream_descriptor(io_, member.control.release()),
                                 .reader = ControlReader(options_.report_bytes),
                                 .stopped_at = {}});
  }
  if (started_.failure) accuse(*started_.failure);
}

Outcome Crew::Supervisor::wait() {
  signal_file_.assign(dup(signals_.file()));
  watch_signals();
  watch_time();
  for (int m = 0; m < started(); ++m) watch_control(m);
  while (!is_decided()) io_.run_one();
  if (!is_concluded_ && !suspects_.empty()) {
    outcome_.failure = describe(suspects_.best(), positions(), naming_);
  }
  end_all();
  return std::move(outcome_);
}

std::vector<Position> Crew::Supervisor::positions() const {
  std::vector<Position> seen;
  for (int m = 0; m < board_.members(); ++m) seen.push_back(board_.position(m));
  return seen;
}

void Crew::Supervisor::watch_signals() {
  signal_file_.async_wait(stream_descriptor::wait_read, [this](boost::system::error_code error) {
    if (error) return;
    if (const int signal = signals_.take()) interrupt(signal);
    look_at_processes();
    watch_signals();
  });
}

void Crew::Supervisor::watch_control(int member) {
  process(member).control.async_wait(stream_descriptor::wait_read,
                                     [this, member](boost::system::error_code error) {
                                       if (error) return;
                                       read_control(member);
                                       if (process(member).control.is_open()) watch_control(member);
                                     });
}

void Crew::Supervisor::watch_time() {
  timer_.expires_after(kTick);
  timer_.async_wait([this](boost::system::error_code error) {
    if (error) return;
    watch_.tick();
    look_at_processes();
    check_limits();
    if (options_.progress) options_.progress(board_);
    watch_time();
  });
}

void Crew::Supervisor::look_at_processes() {
  for (int m = 0; m < started(); ++m) look_at(m);
}

void Crew::Supervisor::look_at(int member) {
  Process& its = process(member);
  while (const std::optional<int> status = its.child.change()) {
    if (WIFSTOPPED(*status)) {
      its.stopped_at = watch_.now();
      its.stop_signal = WSTOPSIG(*status);
    } else if (WIFCONTINUED(*status)) {
      its.stopped_at.reset();
    } else {
      ended(member, *status);
    }
  }
}

void Crew::Supervisor::ended(int member, int status) {
  read_control(member);  // what it said at the end
  if (WIFSIGNALED(status)) {
    const int signal = WTERMSIG(status);
    return accuse({Cause::killed, member, -1, signal, "was killed by " + signal_name(signal), {}});
  }
  if (suspects_.is_accused(member)) return;  // it has said why
  const int code = WEXITSTATUS(status);
  if (code != 0) {
    accuse({Cause::exited, member, -1, code, fmt::format("ended with exit code {}", code), {}});
  } else if (!process(member).has_reported) {
    accuse({Cause::exited, member, -1, code, "ended without a report", {}});
  }
}

void Crew::Supervisor::read_control(int member) {
  Process& its = process(member);
  if (!its.control.is_open()) return;
  std::deque<ControlMessage> messages;
  const auto status = its.reader.read(its.control.native_handle(), messages);
  for (ControlMessage& message : messages) take(member, std::move(message));
  if (status != ControlReader::Status::open) its.control.close();
  if (status == ControlReader::Status::broken) {
    accuse(
        {Cause::threw,
         member,
         -1,
         0,
         fmt::format("sent the coordinator what is no message, or a report of more than {} bytes",
                     options_.report_bytes),
         {}});
  }
}

void Crew::Supervisor::take(int member, ControlMessage message) {
  switch (message.kind) {
    case ControlKind::report:
      process(member).has_reported = true;
      is_concluded_ =
          is_concluded_ || (options_.concludes && options_.concludes(member, message.payload));
      outcome_.reports[static_cast<std::size_t>(member)] = std::move(message.payload);
      break;
    case ControlKind::failure:
      take_failure(member, message.payload);
      break;
    case ControlKind::note:
      if (outcome_.notes.size() < kMostNotes) {
        outcome_.notes.push_back(
            fmt::format("{}: {}", name_of(member, options_.ranks), text_of(message.payload)));
      }
      break;
  }
}

void Crew::Supervisor::take_failure(int member, Bytes payload) {
  const auto cause = static_cast<Cause>(get_number(payload.first(4)));
  LOCKSTEP_ASSERT(cause <= Cause::interrupted);
  const auto peer = static_cast<int>(get_number(payload.subspan(4, 4)));
  const std::string text = text_of(payload.subspan(8));
  if (peer >= 0) return accuse({cause, member, peer, 0, text, {}});
  accuse({cause, member, peer, 0, "failed", text});
}

void Crew::Supervisor::check_limits() {
  for (int m = 0; m < started(); ++m) check_stopped(m);
  check_arrivals();
  const std::uint64_t beats = board_.beats();
  if (std::exchange(beats_, beats) != beats) progress_at_ = watch_.now();
  const Duration idle = watch_.now() - progress_at_;
  if (idle >= options_.progress_limit) return accuse_of_idling(options_.progress_limit);
  if (idle >= options_.deadlock_limit && all_wait()) accuse_of_idling(options_.deadlock_limit);
}

// What is sent arrives at once, so that nobody can be about to go on; but one who is stopped may.
bool Crew::Supervisor::all_wait() const {
  const auto is_stopped = [](const Process& process) { return process.stopped_at.has_value(); };
  const auto waits = [](const Position& p) {
    return p.state == State::waiting || p.state == State::done;
  };
  return std::ranges::none_of(processes_, is_stopped) && std::ranges::all_of(positions(), waits);
}

void Crew::Supervisor::accuse_of_idling(Duration limit) {
  const std::vector<Position> seen = positions();
  const auto is_done = [](const Position& position) { return position.state == State::done; };
  if (!std::ranges::all_of(seen, is_done)) {
    return accuse(accuse_of_standstill(seen, seconds(limit), naming_));
  }
  const auto lingers =
      std::ranges::find_if(processes_, [](const auto& p) { return p.child.runs(); });
  accuse({Cause::stalled,
          static_cast<int>(lingers - processes_.begin()),
          -1,
          0,
          fmt::format("was done, and did not end for {:g} s", seconds(limit)),
          {}});
}

void Crew::Supervisor::check_arrivals() {
  if (all_arrived_) return;
  const std::vector<Position> seen = positions();
  const auto absent = std::ranges::find(seen, State::starting, &Position::state);
  all_arrived_ = absent == seen.end();
  if (all_arrived_ || watch_.now() < options_.start_limit) return;
  accuse({Cause::late,
          static_cast<int>(absent - seen.begin()),
          -1,
          0,
          fmt::format("did not arrive within {:g} s", seconds(options_.start_limit)),
          {}});
}

void Crew::Supervisor::check_stopped(int member) {
  const Process& its = process(member);
  if (!its.child.runs() || !its.stopped_at) return;
  if (watch_.now() - *its.stopped_at < options_.stopped_limit) return;
  accuse({Cause::stopped,
          member,
          -1,
          its.stop_signal,
          fmt::format("has been stopped by {} for {:g} s", signal_name(its.stop_signal),
                      seconds(options_.stopped_limit)),
          {}});
}

void Crew::Supervisor::accuse(Accusation accusation) {
  if (suspects_.empty()) suspected_at_ = watch_.now();
  suspects_.add(std::move(accusation));
}

void Crew::Supervisor::interrupt(int signal) {
  accuse({Cause::interrupted,
          -1,
          -1,
          signal,
          fmt::format("the coordinator was interrupted by {}", signal_name(signal)),
          {}});
}

bool Crew::Supervisor::all_done() const {
  return std::ranges::none_of(processes_, [](const Process& p) { return p.child.runs(); });
}

// A complaint is believed once the peer it names can say nothing more, or has had time to.
bool Crew::Supervisor::is_decided() const {
  if (is_concluded_) return true;
  if (suspects_.empty() || suspects_.is_certain()) return !suspects_.empty() || all_done();
  const auto peer = static_cast<std::size_t>(suspects_.named_peer());
  if (peer < processes_.size() && !processes_[peer].child.runs()) return true;
  return watch_.now() - suspected_at_ >= options_.settle;
}

// All are told before any is waited for.
void Crew::Supervisor::end_all() {
  for (Process& its : processes_) its.child.kill();
  processes_.clear();
}

Crew::Crew(CrewOptions options, const Body& body)
    : supervisor_(std::make_unique<Supervisor>(std::move(options), body)) {}

Crew::~Crew() = default;

Outcome Crew::wait() { return supervisor_->wait(); }

const Board& Crew::board() const { return supervisor_->board(); }

}  // namespace lockstep::process
