#include "backend/nccl/launch/command.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <system_error>

#include "backend/process/child.h"
#include "backend/process/failure.h"
#include "backend/process/file.h"
#include "sim/base/text.h"

namespace lockstep::nccl {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;
using process::File;

constexpr int kCannotStart = 127;  // as a shell says it

// Memory as a file: nobody has to read while the program writes, and nobody waits for those that it
// leaves behind to close it.
File memory_file(const std::string& content) {
  File file(memfd_create("lockstep", MFD_CLOEXEC));
  file = process::above_standard_streams(std::move(file));
  const ssize_t written = pwrite(file.get(), content.data(), content.size(), 0);
  if (written != static_cast<ssize_t>(content.size())) {
    throw std::system_error(errno, std::generic_category(), "memory for a program's input");
  }
  return file;
}

std::string content_of(const File& file) {
  std::string content;
  std::array<char, 4096> piece{};
  ssize_t count = 0;
  while ((count = pread(file.get(), piece.data(), piece.size(),
                        static_cast<off_t>(content.size()))) > 0) {
    content.append(piece.data(), static_cast<std::size_t>(count));
  }
  return content;
}

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> all;
  for (std::string& text : texts) all.push_back(text.data());
  all.push_back(nullptr);
  return all;
}

// Everything that allocates is done before the fork.
struct Execution {
  explicit Execution(const Command& command) : words{command.program} {
    std::ranges::copy(command.arguments, std::back_inserter(words));
    for (const auto& [name, value] : command.environment)
      variables.push_back(fmt::format("{}={}", name, value));
    argv = pointers(words);
    envp = pointers(variables);
  }

  std::vector<std::string> words;
  std::vector<std::string> variables;
  std::vector<char*> argv;
  std::vector<char*> envp;
};

[[noreturn]] void execute(const Execution& what, int input, int output) {
  setsid();
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  for (int one = 1; one < NSIG; ++one) signal(one, SIG_DFL);
  dup2(input, STDIN_FILENO);
  dup2(output, STDOUT_FILENO);
  dup2(output, STDERR_FILENO);
  execve(what.argv[0], what.argv.data(), what.envp.data());
  const char* why = std::strerror(errno);
  const ssize_t written = write(STDERR_FILENO, why, std::strlen(why));
  _exit(written < 0 ? kCannotStart + 1 : kCannotStart);
}

// The status of its end; nothing if it had none by then.
std::optional<int> wait_for(process::Child& child, Clock::time_point deadline) {
  while (true) {
    const std::optional<int> status = child.change();
    if (status && !child.runs()) return status;
    if (Clock::now() >= deadline) return std::nullopt;
    poll(nullptr, 0, 2);
  }
}

}  // namespace

std::string find_program(std::string_view name, std::string_view path) {
  for (const std::string& folder : split(path, ':')) {
    if (folder.empty()) continue;
    const fs::path candidate = fs::path(folder) / name;
    std::error_code error;
    if (fs::is_regular_file(candidate, error) && access(candidate.c_str(), X_OK) == 0) {
      return candidate.string();
    }
  }
  return {};
}

Finished run(const Command& command) {
  const Execution execution(command);
  const File input = memory_file(command.input);
  const File output = memory_file({});
  const pid_t pid = fork();
  if (pid < 0) return {std::nullopt, {}, std::strerror(errno)};
  if (pid == 0) execute(execution, input.get(), output.get());
  process::Child child(pid);
  const std::optional<int> status = wait_for(child, Clock::now() + command.limit);
  Finished finished;
  finished.output = content_of(output);
  if (!status) {
    kill(-pid, SIGKILL);
    const std::chrono::duration<double> limit = command.limit;
    finished.how = fmt::format("no end within {:g} s", limit.count());
  } else if (WIFSIGNALED(*status)) {
    finished.how = process::signal_name(WTERMSIG(*status));
  } else {
    finished.exit_code = WEXITSTATUS(*status);
    finished.how = fmt::format("exit code {}", *finished.exit_code);
  }
  return finished;
}

std::vector<pid_t> processes_with(const std::string& variable) {
  std::vector<pid_t> found;
  std::error_code error;
  for (const fs::directory_entry& entry : fs::directory_iterator("/proc", error)) {
    const std::string name = entry.path().filename();
    pid_t pid = 0;
    const auto [end, failed] = std::from_chars(name.data(), name.data() + name.size(), pid);
    if (failed != std::errc() || end != name.data() + name.size() || pid == getpid()) continue;
    std::ifstream file(entry.path() / "environ", std::ios::binary);
    const std::string text(std::istreambuf_iterator<char>(file), {});
    const std::vector<std::string> variables = split(text, '\0');
    if (std::ranges::find(variables, variable) != variables.end()) found.push_back(pid);
  }
  std::ranges::sort(found);
  return found;
}

}  // namespace lockstep::nccl
