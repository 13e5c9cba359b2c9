#include "tools/gnuplot.h"

#include <fmt/format.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <memory>
#include <system_error>

namespace lockstep::tools {
namespace {

struct CloseFile {
  void operator()(std::FILE* file) const { std::fclose(file); }
};
using File = std::unique_ptr<std::FILE, CloseFile>;

std::string read_all(std::FILE* file) {
  std::string text;
  char buffer[4096];
  std::rewind(file);
  while (const std::size_t count = std::fread(buffer, 1, sizeof buffer, file)) {
    text.append(buffer, count);
  }
  return text;
}

// The exit status, or an errno as a negative number.
int run(const File& in, const File& out, const File& err) {
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, fileno(in.get()), STDIN_FILENO);
  posix_spawn_file_actions_adddup2(&actions, fileno(out.get()), STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&actions, fileno(err.get()), STDERR_FILENO);
  std::string name = "gnuplot";
  char* arguments[] = {name.data(), nullptr};
  pid_t child = 0;
  const int error = posix_spawnp(&child, "gnuplot", &actions, nullptr, arguments, environ);
  posix_spawn_file_actions_destroy(&actions);
  if (error != 0) return -error;
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

}  // namespace

Result<std::string> gnuplot(const std::string& script) {
  const File in(std::tmpfile());
  const File out(std::tmpfile());
  const File err(std::tmpfile());
  if (!in || !out || !err) return plain_fault("gnuplot: no temporary file can be made", "");
  const bool written = std::fwrite(script.data(), 1, script.size(), in.get()) == script.size();
  std::rewind(in.get());
  if (!written) return plain_fault("gnuplot: the temporary file cannot be written", "");
  const int status = run(in, out, err);
  constexpr int kNotFound = 127;  // of a child that could not be executed
  if (status == -ENOENT || status == kNotFound) {
    return plain_fault("--plot: gnuplot is not installed",
                       "apt-get install gnuplot-nox, or tools/install_packages --plot");
  }
  if (status < 0) {
    return plain_fault("--plot: gnuplot: " + std::generic_category().message(-status), "");
  }
  if (status != 0) return plain_fault("--plot: gnuplot refused: " + read_all(err.get()), "");
  return read_all(out.get());
}

}  // namespace lockstep::tools
