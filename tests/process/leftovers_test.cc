// Nothing remains of a run: no process, no file, no socket; however it ended.
#include <doctest/doctest.h>
#include <errno.h>
#include <fmt/format.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>

#include "backend/process/child.h"
#include "sim/base/random.h"
#include "tests/process/crew_fixture.h"

namespace lockstep::process {
namespace {

constexpr int kCycles = kIsSanitized ? 100 : 1000;
constexpr int kKills = kIsSanitized ? 40 : 200;

// Members inherit it: it is the same in all processes of the test.
const std::string& run_name() {
  static const std::string name = fmt::format("test-leftovers-{}", getpid());
  return name;
}

struct Holdings {
  std::ptrdiff_t files = 0;
  bool children = false;
  bool sockets = false;  // at addresses of run_name()
  bool operator==(const Holdings&) const = default;
};

Holdings holdings() {
  Holdings found;
  found.files = std::distance(std::filesystem::directory_iterator("/proc/self/fd"), {});
  found.children = waitpid(-1, nullptr, WNOHANG) != -1 || errno != ECHILD;
  std::ifstream sockets("/proc/net/unix");
  const std::string text(std::istreambuf_iterator<char>(sockets), {});
  found.sockets = text.find("@" + run_name()) != std::string::npos;
  return found;
}

CrewOptions named_crew(int ranks) {
  CrewOptions options = crew_of(ranks);
  options.run_name = run_name();
  return options;
}

TEST_CASE("what is held is seen") {
  const Outcome outcome = run_crew(named_crew(1), [](Member&) {
    expect(holdings().sockets);
    return 0;
  });
  CHECK_FALSE(outcome.failure);
  CHECK_FALSE(holdings().sockets);
  CHECK_FALSE(holdings().children);
}

TEST_CASE("a thousand starts and stops leave nothing behind") {
  const Holdings before = holdings();
  for (int cycle = 0; cycle < kCycles; ++cycle) {
    const Outcome outcome = Crew(named_crew(2), [](Member& member) {
                              const int peer = 1 - member.id();
                              Mesh mesh(member, {peer});
                              std::byte got{};
                              const std::byte mine{7};
                              mesh.send_receive({peer, {}, {&mine, 1}}, {peer, {}, {&got, 1}});
                              return got == mine ? 0 : 1;
                            }).wait();
    REQUIRE_FALSE(outcome.failure);
  }
  CHECK(holdings() == before);
}

// Ranks pass payloads round for ever; the observer kills `victim` after `delay`.
Outcome kill_one(int ranks, int victim, std::chrono::microseconds delay) {
  CrewOptions options = named_crew(ranks);
  options.observer = true;
  return Crew(
             options,
             [&](Member& member) {
               if (member.is_observer()) {
                 std::this_thread::sleep_for(delay);
                 kill(member.board().pid(victim), SIGKILL);
                 sleep_for(seconds(60));
               }
               std::vector<int> peers = others(member);
               peers.pop_back();
               Mesh mesh(member, peers);
               const int right = (member.id() + 1) % ranks;
               const int left = (member.id() + ranks - 1) % ranks;
               std::vector<std::byte> mine(20'000);
               std::vector<std::byte> next(mine.size());
               for (std::uint64_t round = 0;; ++round) {
                 member.start_operation(static_cast<int>(round));
                 mesh.send_receive({right, {1, 0, round, 0}, mine}, {left, {1, 0, round, 0}, next});
               }
               return 0;
             })
      .wait();
}

TEST_CASE("a rank killed at any moment ends the run with its name") {
  const Holdings before = holdings();
  for (int seed = 0; seed < kKills; ++seed) {
    CAPTURE(seed);
    Random random(static_cast<std::uint64_t>(seed));
    const int ranks = 2 + static_cast<int>(random.below(4));
    const int victim = static_cast<int>(random.below(ranks));
    const std::chrono::microseconds delay(random.below(8000));
    const auto begin = std::chrono::steady_clock::now();
    const Outcome outcome = kill_one(ranks, victim, delay);
    REQUIRE(outcome.failure);
    CHECK(outcome.failure->cause == Cause::killed);
    CHECK(outcome.failure->member == victim);
    CHECK(outcome.failure->text.find(fmt::format("rank {} was killed by SIGKILL", victim)) == 0);
    CHECK(std::chrono::steady_clock::now() - begin < seconds(20));
  }
  CHECK(holdings() == before);
}

TEST_CASE("a crew that nobody waits for ends with its owner") {
  const Holdings before = holdings();
  {
    const Crew crew(named_crew(3), [](Member& member) {
      Mesh mesh(member, others(member));
      mesh.receive_next();
      return 0;
    });
    CHECK(crew.board().pid(2) > 0);
  }
  CHECK(holdings() == before);
}

TEST_CASE("the signals of a process are its own again afterwards") {
  sigset_t before;
  sigset_t after;
  sigprocmask(SIG_BLOCK, nullptr, &before);
  signal(SIGCHLD, SIG_IGN);
  const Outcome outcome = run_crew(crew_of(1), [](Member&) { return 0; });
  CHECK_FALSE(outcome.failure);
  const bool is_ignored = signal(SIGCHLD, SIG_DFL) == SIG_IGN;
  CHECK(is_ignored);
  sigprocmask(SIG_BLOCK, nullptr, &after);
  for (const int signal : {SIGCHLD, SIGINT, SIGTERM}) {
    CHECK(sigismember(&before, signal) == sigismember(&after, signal));
  }
}

TEST_CASE("members do not outlive a coordinator that is killed") {
  // Orphans come to this process, which so learns of their end.
  prctl(PR_SET_CHILD_SUBREAPER, 1);
  Board board(1);
  int pipe_ends[2];
  REQUIRE(pipe(pipe_ends) == 0);
  const pid_t coordinator = fork();
  if (coordinator == 0) {
    Crew crew(crew_of(2), [&](Member& member) {
      Mesh mesh(member, others(member));
      mesh.receive(1 - member.id(), {}, 0);
      return 0;
    });
    const pid_t pids[2] = {crew.board().pid(0), crew.board().pid(1)};
    if (write(pipe_ends[1], pids, sizeof pids) > 0) crew.wait();
    _exit(0);
  }
  pid_t pids[2] = {0, 0};
  CHECK(read(pipe_ends[0], pids, sizeof pids) == static_cast<ssize_t>(sizeof pids));
  { const Child killed(coordinator); }
  for (const pid_t pid : pids) {
    int status = 0;
    CHECK(comes_true([&] { return waitpid(pid, &status, WNOHANG) == pid; }));
  }
  prctl(PR_SET_CHILD_SUBREAPER, 0);
  close(pipe_ends[0]);
  close(pipe_ends[1]);
}

}  // namespace
}  // namespace lockstep::process
