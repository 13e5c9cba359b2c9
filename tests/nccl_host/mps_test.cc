// The MPS daemon: started, used, stopped, and never left behind. Against a program that only looks
// like NVIDIA's.
#include "backend/nccl/launch/mps.h"

#include <doctest/doctest.h>
#include <fmt/format.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <fstream>
#include <iterator>
#include <thread>

#include "backend/nccl/launch/command.h"
#include "backend/process/child.h"
#include "tests/nccl_host/fake_mps.h"

namespace lockstep::test {
namespace {

namespace fs = std::filesystem;
using nccl::MpsDaemon;
using nccl::MpsError;
using std::chrono::milliseconds;

// A machine with the program, and a directory for what daemons make. At the end nothing of them is
// there.
class Place {
 public:
  Place() : old_(getenv("TMPDIR") == nullptr ? "" : getenv("TMPDIR")) {
    setenv("TMPDIR", made_.path().c_str(), 1);
  }
  ~Place() {
    if (old_.empty()) unsetenv("TMPDIR");
    if (!old_.empty()) setenv("TMPDIR", old_.c_str(), 1);
  }
  Place(const Place&) = delete;
  Place& operator=(const Place&) = delete;

  nccl::MpsOptions options(const std::string& behaviour) const {
    nccl::MpsOptions options;
    options.control = program_;
    options.environment = {{"PATH", getenv("PATH")}, {"FAKE_MPS", behaviour}};
    options.start_limit = milliseconds(10000);
    options.quit_limit = milliseconds(10000);
    return options;
  }

  const fs::path& made() const { return made_.path(); }
  bool is_empty() const { return fs::is_empty(made_.path()); }

 private:
  TemporaryDirectory bin_;
  TemporaryDirectory made_;
  std::string old_;
  std::string program_ = write_fake_mps(bin_.path());
};

// Of the daemon whose clients have this environment.
std::vector<pid_t> processes(const nccl::Environment& client) {
  return nccl::processes_with("CUDA_MPS_PIPE_DIRECTORY=" + client.at("CUDA_MPS_PIPE_DIRECTORY"));
}

bool has_no_children() { return waitpid(-1, nullptr, WNOHANG) == -1 && errno == ECHILD; }

template <class Condition>
bool comes_true(Condition condition) {
  const auto limit = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (!condition()) {
    if (std::chrono::steady_clock::now() > limit) return false;
    std::this_thread::sleep_for(milliseconds(2));
  }
  return true;
}

std::string error_of(const nccl::MpsOptions& options) {
  try {
    const MpsDaemon daemon(options);
  } catch (const MpsError& error) {
    return error.what();
  }
  return {};
}

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

TEST_CASE("a program is found on the PATH, if it may be run") {
  const Place place;
  const std::string folder = fs::path(place.options("").control).parent_path();
  CHECK(nccl::find_program("nvidia-cuda-mps-control", "/nowhere:" + folder) ==
        place.options("").control);
  CHECK(nccl::find_program("nvidia-cuda-mps-control", "/nowhere::") == "");
  fs::permissions(place.options("").control, fs::perms::owner_read);
  if (geteuid() != 0) CHECK(nccl::find_program("nvidia-cuda-mps-control", folder) == "");
}

TEST_CASE("a command is told its input, and tells its output and how it ended") {
  const nccl::Environment with_path{{"PATH", getenv("PATH")}, {"WORD", "w"}};
  nccl::Command command{"/bin/sh", {"-c", "read a; echo $a $WORD; exit 3"}, with_path, "b\n"};
  nccl::Finished finished = nccl::run(command);
  CHECK(finished.output == "b w\n");
  CHECK(finished.exit_code == 3);
  CHECK(finished.how == "exit code 3");
  command.arguments = {"-c", "kill -9 $$"};
  CHECK(nccl::run(command).how == "SIGKILL");
  command.arguments = {"-c", "echo x; sleep 1000 & wait"};
  command.limit = milliseconds(200);
  finished = nccl::run(command);
  CHECK_FALSE(finished.exit_code);
  CHECK(finished.how == "no end within 0.2 s");
  CHECK(finished.output == "x\n");
  CHECK(comes_true([] { return nccl::processes_with("WORD=w").empty(); }));
  command.program = "/nowhere/program";
  CHECK(nccl::run(command).output == "No such file or directory");
  CHECK(has_no_children());
}

TEST_CASE("a daemon is there while it is used: its own directories, nobody else's to read") {
  const Place place;
  MpsDaemon daemon(place.options(""));
  const nccl::Environment client = daemon.client_environment();
  const fs::path pipes = client.at("CUDA_MPS_PIPE_DIRECTORY");
  CHECK(fs::is_directory(pipes));
  CHECK(fs::is_directory(client.at("CUDA_MPS_LOG_DIRECTORY")));
  CHECK(pipes.parent_path().parent_path() == place.made());
  CHECK(fs::status(pipes.parent_path()).permissions() == fs::perms::owner_all);
  const std::vector<pid_t> pids = processes(client);
  CHECK(pids.size() == 2);  // daemon and server
  CHECK(daemon.stop() == "");
  for (const pid_t pid : pids) CHECK(kill(pid, 0) == -1);  // not even as a zombie
  CHECK(place.is_empty());
  CHECK(has_no_children());
  CHECK(daemon.stop() == "");
}

TEST_CASE("the destructor stops it, too") {
  const Place place;
  nccl::Environment client;
  {
    const MpsDaemon daemon(place.options(""));
    client = daemon.client_environment();
  }
  CHECK(processes(client).empty());
  CHECK(place.is_empty());
  CHECK(has_no_children());
}

TEST_CASE("a daemon that refuses to start says why, and nothing of it is left") {
  const Place place;
  const nccl::MpsOptions options = place.options("refuses");
  CHECK(error_of(options) ==
        options.control +
            " -d did not start (exit code 1: An instance of this daemon is already running)");
  CHECK(place.is_empty());
  CHECK(has_no_children());
}

TEST_CASE("a program that is not there is told") {
  const Place place;
  nccl::MpsOptions options = place.options("");
  options.control = "/nowhere/nvidia-cuda-mps-control";
  CHECK(contains(error_of(options), "No such file or directory"));
  CHECK(place.is_empty());
}

TEST_CASE(
    "a daemon that hangs, is not there, or answers nothing is given up, and nothing is left") {
  const Place place;
  for (const std::string behaviour : {"hangs", "vanishes", "silent"}) {
    CAPTURE(behaviour);
    nccl::MpsOptions options = place.options(behaviour);
    options.start_limit = milliseconds(300);
    options.quit_limit = milliseconds(300);
    const std::string error = error_of(options);
    CHECK(contains(error, behaviour == "hangs" ? "-d did not start (no end within 0.3 s)"
                                               : "the MPS daemon does not answer"));
    CHECK(place.is_empty());
    CHECK(has_no_children());
  }
  CHECK(nccl::processes_with("FAKE_MPS=hangs").empty());
  CHECK(nccl::processes_with("FAKE_MPS=silent").empty());
}

TEST_CASE("a daemon that does not heed `quit` is killed with its servers, and that is said") {
  const Place place;
  nccl::MpsOptions options = place.options("deaf");
  options.quit_limit = milliseconds(200);
  MpsDaemon daemon(options);
  const nccl::Environment client = daemon.client_environment();
  const std::vector<pid_t> pids = processes(client);
  REQUIRE(pids.size() == 2);
  CHECK(daemon.stop() == fmt::format("processes {}, {} had to be killed", pids[0], pids[1]));
  CHECK(processes(client).empty());
  CHECK(place.is_empty());
}

TEST_CASE("a daemon that dies in between leaves nothing either") {
  const Place place;
  MpsDaemon daemon(place.options(""));
  for (const pid_t pid : processes(daemon.client_environment())) kill(pid, SIGKILL);
  CHECK(daemon.stop() == "");
  CHECK(place.is_empty());
  CHECK(has_no_children());
}

// A process with a daemon, which it never stops.
pid_t start_owner(const nccl::MpsOptions& options) {
  const pid_t owner = fork();
  if (owner != 0) return owner;
  for (const int one : {SIGTERM, SIGINT}) signal(one, SIG_DFL);  // not the test's
  const MpsDaemon daemon(options);
  while (true) pause();
}

std::vector<pid_t> all_fakes(const nccl::MpsOptions& options) {
  return nccl::processes_with("FAKE_MPS=" + options.environment.at("FAKE_MPS"));
}

TEST_CASE("when its owner is killed, however, the daemon ends and its directory goes") {
  for (const int signal : {SIGKILL, SIGTERM, SIGINT}) {
    CAPTURE(signal);
    const Place place;
    const nccl::MpsOptions options = place.options(fmt::format("owned-{}-{}", getpid(), signal));
    const pid_t owner = start_owner(options);
    CHECK(comes_true([&] { return all_fakes(options).size() == 2; }));
    kill(owner, signal);
    waitpid(owner, nullptr, 0);
    CHECK(comes_true([&] { return all_fakes(options).empty() && place.is_empty(); }));
  }
}

// The children of this process.
std::vector<pid_t> children() {
  std::vector<pid_t> found;
  for (const fs::directory_entry& entry : fs::directory_iterator("/proc")) {
    if (entry.path().filename().string().find_first_not_of("0123456789") != std::string::npos) {
      continue;
    }
    std::ifstream file(entry.path() / "stat");
    const std::string text(std::istreambuf_iterator<char>(file), {});
    const std::size_t behind = text.rfind(')');  // pid (name) state parent ...
    if (behind == std::string::npos || behind + 4 > text.size()) continue;
    if (std::stoi(text.substr(behind + 4)) == getpid()) found.push_back(std::stoi(text));
  }
  return found;
}

TEST_CASE("when the guardian is killed, its owner ends the daemon") {
  const Place place;
  MpsDaemon daemon(place.options(""));
  const nccl::Environment client = daemon.client_environment();
  const std::vector<pid_t> guardian = children();
  REQUIRE(guardian.size() == 1);
  kill(guardian.front(), SIGKILL);
  CHECK(contains(daemon.stop(), "its guardian is gone"));
  CHECK(processes(client).empty());
  CHECK(place.is_empty());
  CHECK(has_no_children());
}

TEST_CASE("another daemon, and what a dead one left, are not touched") {
  const Place place;
  const fs::path stale = place.made() / "lockstep-mps-stale";
  fs::create_directory(stale);
  MpsDaemon one(place.options(""));
  {
    const MpsDaemon two(place.options(""));
    CHECK(two.client_environment() != one.client_environment());
  }
  CHECK(processes(one.client_environment()).size() == 2);
  CHECK(one.stop() == "");
  CHECK(fs::is_directory(stale));
}

}  // namespace
}  // namespace lockstep::test
