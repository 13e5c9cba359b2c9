// What the coordinator says of members that are killed, stopped, slow, late, or that fail.
#include <doctest/doctest.h>
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <stdexcept>

#include "tests/process/crew_fixture.h"

namespace lockstep::process {
namespace {

using Ids = std::vector<int>;

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

// Runs three ranks; rank 1 does `deed` at operation 12 while the others wait for a frame of it.
Failure failure_of(CrewOptions options, const Body& deed) {
  options.ranks = 3;
  const Outcome outcome = run_crew(options, [&](Member& member) {
    Mesh mesh(member, others(member));
    member.start_operation(member.id() == 1 ? 12 : 11);
    if (member.id() == 1) {
      // So that what it does comes after the others' waits began.
      const auto waits = [&](int m) { return member.board().position(m).state == State::waiting; };
      expect(comes_true([&] { return waits(0) && waits(2); }));
      return deed(member);
    }
    mesh.receive(1, {}, 0);
    return 0;
  });
  REQUIRE(outcome.failure);
  CHECK(outcome.failure->member == 1);
  CHECK(outcome.failure->operation == 12);
  CHECK(outcome.failure->waiting == Ids{0, 2});
  CHECK(outcome.failure->seen.size() == 3);
  CHECK(contains(outcome.failure->text, "at operation 12 (step 12)"));
  CHECK(contains(outcome.failure->text, "; ranks 0,2 waited for it"));
  return *outcome.failure;
}

TEST_CASE("reports come by member, whatever their size") {
  const Outcome outcome = run_crew(crew_of(3), [](Member& member) {
    const std::size_t sizes[] = {0, 10, 9'000'000};
    if (member.id() > 0) member.report(pattern(sizes[member.id()], 5));
    return 0;
  });
  REQUIRE_FALSE(outcome.failure);
  CHECK(outcome.reports[0].empty());
  CHECK(outcome.reports[1] == pattern(10, 5));
  CHECK(outcome.reports[2] == pattern(9'000'000, 5));
}

TEST_CASE("notes are kept and stop nothing") {
  const Outcome outcome = run_crew(crew_of(1), [](Member& member) {
    member.note("something odd");
    member.note(std::string(1'000'000, 'x'));
    return 0;
  });
  REQUIRE_FALSE(outcome.failure);
  REQUIRE(outcome.notes.size() == 2);
  CHECK(outcome.notes[0] == "rank 0: something odd");
}

TEST_CASE("a member that is killed") {
  const Failure failure = failure_of(crew_of(3), [](Member&) { return raise(SIGKILL); });
  CHECK(failure.cause == Cause::killed);
  CHECK(failure.number == SIGKILL);
  CHECK(contains(failure.text, "rank 1 was killed by SIGKILL at operation 12"));
}

TEST_CASE("a member that crashes") {
  const Failure failure = failure_of(crew_of(3), [](Member&) { return raise(SIGABRT); });
  CHECK(failure.cause == Cause::killed);
  CHECK(failure.number == SIGABRT);
}

TEST_CASE("a member that returns a code") {
  const Failure failure = failure_of(crew_of(3), [](Member&) { return 7; });
  CHECK(failure.cause == Cause::exited);
  CHECK(failure.number == 7);
  CHECK(contains(failure.text, "rank 1 ended with exit code 7"));
}

TEST_CASE("a member that leaves without a word") {
  const Failure failure = failure_of(crew_of(3), [](Member&) -> int { _exit(0); });
  CHECK(failure.cause == Cause::exited);
  CHECK(contains(failure.text, "rank 1 ended without a report"));
}

TEST_CASE("a member that throws") {
  const Failure failure =
      failure_of(crew_of(3), [](Member&) -> int { throw std::runtime_error("the disk is full"); });
  CHECK(failure.cause == Cause::threw);
  CHECK(contains(failure.text, "rank 1 failed at operation 12 (step 12): the disk is full; ranks"));
}

TEST_CASE("a member that throws something odd") {
  const Failure failure = failure_of(crew_of(3), [](Member&) -> int { throw 3; });
  CHECK(failure.cause == Cause::threw);
}

TEST_CASE("a member that is stopped for too long") {
  CrewOptions options = crew_of(3);
  options.stopped_limit = milliseconds(100);
  const Failure failure = failure_of(options, [](Member&) { return raise(SIGSTOP); });
  CHECK(failure.cause == Cause::stopped);
  CHECK(contains(failure.text, "rank 1 has been stopped by SIGSTOP for 0.1 s"));
}

TEST_CASE("a member that does nothing for too long") {
  CrewOptions options = crew_of(3);
  options.progress_limit = milliseconds(300);
  const Failure failure = failure_of(options, [](Member&) {
    sleep_for(seconds(60));
    return 0;
  });
  CHECK(failure.cause == Cause::stalled);
  CHECK(contains(failure.text, "rank 1 did nothing for 0.3 s"));
}

TEST_CASE("a member that is stopped and continued in time disturbs nobody") {
  const Outcome outcome = run_crew(crew_of(2), [](Member& member) {
    Mesh mesh(member, others(member));
    if (member.id() == 1) {
      raise(SIGSTOP);
      mesh.send(0, {}, {});
      return 0;
    }
    sleep_for(milliseconds(100));
    kill(member.board().pid(1), SIGCONT);
    mesh.receive(1, {}, 0);
    return 0;
  });
  CHECK_FALSE(outcome.failure);
}

TEST_CASE("a slow member is no failure as long as it goes on") {
  CrewOptions options = crew_of(2);
  options.progress_limit = milliseconds(2000);
  const Outcome outcome = run_crew(options, [](Member& member) {
    Mesh mesh(member, others(member));
    if (member.id() == 0) return static_cast<int>(mesh.receive(1, {}, 0).size());
    for (int operation = 0; operation < 11; ++operation) {
      member.start_operation(operation);
      sleep_for(milliseconds(100));
      member.beat();
      sleep_for(milliseconds(100));
    }
    mesh.send(0, {}, {});
    return 0;
  });
  CHECK_FALSE(outcome.failure);
}

TEST_CASE("a member that never arrives") {
  CrewOptions options = crew_of(3);
  options.start_limit = milliseconds(300);
  const Outcome outcome = run_crew(options, [](Member& member) {
    if (member.id() == 1) sleep_for(seconds(60));
    Mesh mesh(member, others(member));
    return 0;
  });
  REQUIRE(outcome.failure);
  CHECK(outcome.failure->cause == Cause::late);
  CHECK(outcome.failure->member == 1);
  CHECK(outcome.failure->waiting == Ids{0, 2});
  CHECK(outcome.failure->text == "rank 1 did not arrive within 0.3 s; ranks 0,2 waited for it");
}

TEST_CASE("members that wait in a circle are told one by one") {
  CrewOptions options = crew_of(3);
  options.deadlock_limit = milliseconds(300);
  const Outcome outcome = run_crew(options, [](Member& member) {
    Mesh mesh(member, others(member));
    member.start_operation(member.id() + 4);
    mesh.receive((member.id() + 1) % 3, {}, 0);
    return 0;
  });
  REQUIRE(outcome.failure);
  CHECK(outcome.failure->cause == Cause::stalled);
  CHECK(outcome.failure->waiting == Ids{1, 2});
  CHECK(outcome.failure->text ==
        "rank 0 did nothing for 0.3 s at operation 4 (step 4): rank 0 waits for rank 1 at "
        "operation 4 "
        "(step 4), rank 1 waits for rank 2 at operation 5 (step 5), rank 2 waits for rank 0 at "
        "operation 6 (step 6); ranks 1-2 waited for it");
}

TEST_CASE("one who is done cannot be waited for") {
  const Outcome outcome = run_crew(crew_of(2), [](Member& member) {
    Mesh mesh(member, others(member));
    member.start_operation(3);
    if (member.id() == 0) mesh.receive(1, {}, 0);
    return 0;
  });
  REQUIRE(outcome.failure);
  CHECK(outcome.failure->cause == Cause::peer_gone);
  CHECK(outcome.failure->member == 0);
  CHECK(outcome.failure->peer == 1);
  CHECK(outcome.failure->text ==
        "rank 0 lost its connection with rank 1 at operation 3 (step 3); rank 1 was done");
}

TEST_CASE("a report that is too long is refused") {
  CrewOptions options = crew_of(2);
  options.report_bytes = 1000;
  const Outcome outcome = run_crew(options, [](Member& member) {
    member.report(pattern(member.id() == 0 ? 1000 : 1001, 1));
    return 0;
  });
  REQUIRE(outcome.failure);
  CHECK(outcome.failure->member == 1);
  CHECK(contains(outcome.failure->text, "1000 bytes"));
}

TEST_CASE("an interrupted coordinator ends its members and says so") {
  for (const int signal : {SIGINT, SIGTERM}) {
    const Outcome outcome = run_crew(crew_of(2), [signal](Member& member) {
      if (member.id() == 0) kill(getppid(), signal);
      sleep_for(seconds(60));
      return 0;
    });
    REQUIRE(outcome.failure);
    CHECK(outcome.failure->cause == Cause::interrupted);
    CHECK(outcome.failure->number == signal);
    CHECK(outcome.failure->text == "the coordinator was interrupted by " + signal_name(signal));
  }
}

TEST_CASE("a member has no files but its own, and writes nothing") {
  const int inherited = dup(STDERR_FILENO);
  const Outcome outcome = run_crew(crew_of(2), [inherited](Member& member) {
    expect(fcntl(inherited, F_GETFD) == -1);
    expect(fcntl(member.control(), F_GETFD) != -1);
    const std::string text = "no line of this test's output\n";
    expect(write(STDOUT_FILENO, text.data(), text.size()) > 0);
    char byte = 0;
    expect(read(STDIN_FILENO, &byte, 1) == 0);
    return 0;
  });
  close(inherited);
  CHECK_FALSE(outcome.failure);
}

TEST_CASE("a coordinator without standard streams has members that work") {
  const int input = dup(STDIN_FILENO);
  close(STDIN_FILENO);
  const Outcome outcome = run_crew(crew_of(2), [](Member& member) {
    Mesh mesh(member, others(member));
    mesh.send(1 - member.id(), {}, {});
    mesh.receive(1 - member.id(), {}, 0);
    return 0;
  });
  dup2(input, STDIN_FILENO);
  close(input);
  CHECK_FALSE(outcome.failure);
}

}  // namespace
}  // namespace lockstep::process
