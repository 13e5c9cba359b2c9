// Processes that do not belong to the run, or only say that they do.
#include <doctest/doctest.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>

#include "backend/process/child.h"
#include "backend/process/run_key.h"
#include "sim/base/random.h"
#include "tests/process/crew_fixture.h"

namespace lockstep::process {
namespace {

std::string run_name(const std::string& what) { return fmt::format("test-{}-{}", what, getpid()); }

// Runs `body` in a process that belongs to no crew; its exit code is what it returns.
template <class Function>
Child start_stranger(Function body) {
  const pid_t pid = fork();
  if (pid == 0) _exit(body());
  return Child(pid);
}

// Its exit code; -1 if it did not end in time.
int exit_code_of(Child& child) {
  std::optional<int> status;
  comes_true([&] { return (status = child.change()).has_value(); });
  return status && WIFEXITED(*status) ? WEXITSTATUS(*status) : -1;
}

// A connection with a member, or nothing if it could not be had.
File connect_to(const std::string& name, int member) {
  RunKey key;
  key.run_name = name;
  const std::string path = socket_path(key, member);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::ranges::copy(path, address.sun_path);
  File socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0));
  const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size());
  if (connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), length) != 0) return {};
  return socket;
}

// Nothing, half a greeting, one with the wrong secret, garbage, a frame.
std::string something(Random& random) {
  const auto member = static_cast<std::uint32_t>(random.below(3));
  const std::string greeting = text_of(encode(Greeting{member, {}}));
  switch (random.below(5)) {
    case 0:
      return {};
    case 1:
      return greeting.substr(0, static_cast<std::size_t>(random.below(kGreetingBytes)));
    case 2:
      return greeting;
    case 3:
      return text_of(pattern(static_cast<std::size_t>(random.below(300)), random.next()));
    default:
      return text_of(encode(FrameHeader{{1, 0, 0, 0}, 1 << 20})) + std::string(1000, 'x');
  }
}

bool got_a_byte(const File& socket) {
  char byte = 0;
  return recv(socket.get(), &byte, 1, MSG_DONTWAIT) > 0;
}

// Connects `count` times to members 0 and 1, keeps up to 200 connections, and returns 1 if any of
// them ever got a byte, 2 if it could not connect often enough.
int bother(const std::string& name, int count, Board& progress) {
  Random random(7);
  std::vector<File> open;
  int connected = 0;
  const auto is_connected = [&] {
    File socket = connect_to(name, static_cast<int>(random.below(2)));
    if (!socket) return false;
    const std::string bytes = something(random);
    send(socket.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    open.push_back(std::move(socket));
    return true;
  };
  for (; connected < count; ++connected) {
    if (!comes_true(is_connected)) return 2;
    progress.start_operation(0, connected + 1);
    if (open.size() < 200) continue;
    if (std::ranges::any_of(open, got_a_byte)) return 1;
    open.erase(open.begin(), open.begin() + 100);
  }
  return std::ranges::any_of(open, got_a_byte) ? 1 : 0;
}

TEST_CASE("a thousand strangers get nothing and disturb nothing") {
  constexpr int kStrangers = 1000;
  CrewOptions options = crew_of(3);
  options.run_name = run_name("strangers");
  Board progress(1);
  Child stranger = start_stranger([&] { return bother(options.run_name, kStrangers, progress); });
  const Outcome outcome = run_crew(options, [&](Member& member) {
    MeshLimits limits;
    limits.greeting = milliseconds(50);
    limits.callers = 8;
    Mesh mesh(member, others(member), limits);
    const int right = (member.id() + 1) % 3;
    const int left = (member.id() + 2) % 3;
    std::uint64_t round = 0;
    // Rank 0 decides when it is enough, and all hear of it in the same round.
    for (bool goes_on = true; goes_on; ++round) {
      const Tag tag{1, 0, round, 0};
      std::vector<std::byte> mine = pattern(5000, round);
      const bool enough = progress.position(0).operation >= kStrangers;
      if (member.id() == 0) mine[0] = std::byte{enough};
      std::vector<std::byte> got(mine.size());
      for (int hop = 0; hop < 2; ++hop) {
        mesh.send_receive({right, tag, mine}, {left, tag, got});
        if (member.id() != 0 && member.id() == hop + 1) mine = got;
        if (member.id() == hop + 1) goes_on = got[0] == std::byte{0};
      }
      if (member.id() == 0) goes_on = !enough;
      expect(std::equal(got.begin() + 1, got.end(), pattern(5000, round).begin() + 1));
    }
    return 0;
  });
  CHECK_FALSE(outcome.failure);
  CHECK(outcome.notes.empty());
  CHECK(exit_code_of(stranger) == 0);
}

TEST_CASE("who sends nothing is dropped after a while, though nobody else comes") {
  CrewOptions options = crew_of(1);
  options.run_name = run_name("silent");
  options.observer = true;
  Board board(1);
  Child stranger = start_stranger([&] {
    File socket;
    if (!comes_true([&] { return bool(socket = connect_to(options.run_name, 0)); })) return 2;
    char byte = 0;
    const bool is_dropped = comes_true([&] { return recv(socket.get(), &byte, 1, 0) == 0; });
    board.finish(0);
    return is_dropped ? 0 : 1;
  });
  const Outcome outcome = run_crew(options, [&](Member& member) {
    MeshLimits limits;
    limits.greeting = milliseconds(50);
    Mesh mesh(member, others(member), limits);
    if (member.is_observer()) {
      expect(comes_true([&] { return board.position(0).state == State::done; }));
      mesh.send(0, {}, {});
    } else {
      mesh.receive(1, {}, 0);
    }
    return 0;
  });
  CHECK_FALSE(outcome.failure);
  CHECK(exit_code_of(stranger) == 0);
}

// In a process that has everything that rank 1 has: its connection with rank 0 is refused.
int come_as(Member& member) {
  const pid_t pid = fork();
  if (pid == 0) {
    try {
      Mesh second(member, {0});
    } catch (const TurnedAway&) {
      _exit(0);
    } catch (...) {
    }
    _exit(1);
  }
  Child child(pid);
  return exit_code_of(child);
}

TEST_CASE("a rank that is started twice is turned away, whoever comes first") {
  for (const bool second_is_first : {false, true}) {
    CAPTURE(second_is_first);
    const Outcome outcome = run_crew(crew_of(2), [&](Member& member) {
      if (member.id() == 1 && second_is_first) expect(come_as(member) == 0);
      Mesh mesh(member, others(member));
      if (member.id() == 1) {
        if (!second_is_first) expect(come_as(member) == 0);
        mesh.send(0, {}, pattern(1000, 1));
        mesh.flush();
      } else {
        expect(mesh.receive(1, {}, 1000) == pattern(1000, 1));
      }
      return 0;
    });
    CHECK_FALSE(outcome.failure);
    REQUIRE(outcome.notes.size() == 1);
    CHECK(outcome.notes[0].find("came as rank 1, which is process") != std::string::npos);
    CHECK(outcome.notes[0].find("it was turned away") != std::string::npos);
  }
}

TEST_CASE("an address in use is told before anything is started") {
  CrewOptions options = crew_of(3);
  options.run_name = run_name("taken");
  RunKey key;
  key.run_name = options.run_name;
  const File taken = listen_as(key, 1);
  const Outcome outcome = run_crew(options, [](Member&) { return 0; });
  REQUIRE(outcome.failure);
  CHECK(outcome.failure->cause == Cause::address_in_use);
  CHECK(outcome.failure->text.find("address " + address_of(key, 1) + " is in use") == 0);
  CHECK(outcome.failure->seen.size() == 3);
  CHECK(outcome.failure->seen[0].pid == 0);
}

}  // namespace
}  // namespace lockstep::process
