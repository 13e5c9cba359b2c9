#include "backend/nccl/launch/mps_control.h"

#include <fmt/format.h>
#include <poll.h>
#include <signal.h>

#include <filesystem>
#include <system_error>
#include <utility>

namespace lockstep::nccl {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr const char* kPipes = "CUDA_MPS_PIPE_DIRECTORY";
constexpr const char* kLogs = "CUDA_MPS_LOG_DIRECTORY";

// Its last words, on one line.
std::string said(const Finished& finished) {
  std::string text = finished.output;
  while (!text.empty() && text.back() == '\n') text.pop_back();
  for (char& c : text) {
    if (c == '\n') c = ' ';
  }
  return finished.how + (text.empty() ? "" : ": " + text);
}

milliseconds left_until(Clock::time_point deadline) {
  const auto left = std::chrono::duration_cast<milliseconds>(deadline - Clock::now());
  return std::max(left, milliseconds(1));
}

}  // namespace

// Short names: a socket's path has at most 107 characters.
MpsControl::MpsControl(const MpsOptions& options, std::string directory)
    : options_(options),
      directory_(std::move(directory)),
      client_environment_{{kPipes, directory_ + "/pipe"}, {kLogs, directory_ + "/log"}} {
  for (const auto& [name, value] : client_environment_) options_.environment[name] = value;
}

Finished MpsControl::ask(const std::string& question, milliseconds limit) const {
  return run({options_.control, {}, options_.environment, question + "\n", limit});
}

void MpsControl::start() const {
  const Clock::time_point deadline = Clock::now() + options_.start_limit;
  for (const auto& [name, value] : client_environment_) fs::create_directory(value);
  const Finished started =
      run({options_.control, {"-d"}, options_.environment, {}, options_.start_limit});
  if (!started.succeeded()) {
    throw MpsError(fmt::format("{} -d did not start ({})", options_.control, said(started)));
  }
  while (true) {
    // One that has an answer also when there is no server yet.
    const Finished answer = ask("get_default_active_thread_percentage", left_until(deadline));
    if (answer.succeeded()) return;
    if (Clock::now() >= deadline) {
      throw MpsError(fmt::format("the MPS daemon does not answer ({})", said(answer)));
    }
    poll(nullptr, 0, 20);
  }
}

// The daemon, its servers, and whoever was started to talk to them.
std::vector<pid_t> MpsControl::processes() const {
  return processes_with(fmt::format("{}={}", kPipes, client_environment_.at(kPipes)));
}

bool MpsControl::are_gone_within(milliseconds limit) const {
  const Clock::time_point deadline = Clock::now() + limit;
  while (!processes().empty()) {
    if (Clock::now() >= deadline) return false;
    poll(nullptr, 0, 10);
  }
  return true;
}

std::string MpsControl::end() const {
  constexpr milliseconds kAfterKill{2000};
  std::string trouble;
  if (!processes().empty()) {
    const Finished quit = ask("quit", options_.quit_limit);
    if (!quit.succeeded()) trouble = fmt::format("it did not take `quit` ({})", said(quit));
  }
  if (!are_gone_within(options_.quit_limit)) {
    const std::vector<pid_t> left = processes();
    for (const pid_t pid : left) kill(pid, SIGKILL);
    trouble += fmt::format("{}processes {} had to be killed", trouble.empty() ? "" : "; ",
                           fmt::join(left, ", "));
    if (!are_gone_within(kAfterKill)) trouble += ", and some are still there";
  }
  std::error_code error;
  fs::remove_all(directory_, error);
  if (error) {
    trouble += fmt::format("{}{} could not be removed ({})", trouble.empty() ? "" : "; ",
                           directory_, error.message());
  }
  return trouble;
}

}  // namespace lockstep::nccl
