// Processes that call as they would call NCCL; and what is told when NCCL fails them.
#include "backend/nccl/launch/communicators.h"

#include <doctest/doctest.h>
#include <signal.h>

#include <chrono>

#include "backend/nccl/launch/nccl_error.h"
#include "backend/nccl/launch/watchdog.h"
#include "backend/process/suspects.h"
#include "tests/nccl_host/exact_collectives.h"
#include "tests/nccl_host/mesh_communicators.h"
#include "tests/process/crew_fixture.h"

namespace lockstep::test {
namespace {

using numeric::Held;
using process::Member;

void run_collectives(Member& member) {
  const int ranks = member.ranks();
  process::Mesh mesh(member, process::others(member));
  MeshCommunicators communicators(plan_of_one_group(ranks), member.id(), mesh);
  process::expect(communicators.members(0) == ranks);
  Random random(static_cast<std::uint64_t>(ranks));
  for (int i = 0; i < 60; ++i) {
    const Collective c = draw_exact_collective(random, ranks);
    const numeric::Exchange exchange = c.exchange();
    const Held& passed = c.passed[static_cast<std::size_t>(member.id())];
    std::vector<float> working = exchange.load(member.id(), passed);
    std::vector<float> scratch(working.size());
    for (const nccl::NcclGroup& group : nccl::nccl_groups(exchange, member.id())) {
      communicators.issue(0, group.calls, {working.data(), scratch.data()}, nullptr, "a test");
    }
    const Held received = exchange.unload(member.id(), std::move(working), passed);
    process::expect(same_numbers(received, c.run()[static_cast<std::size_t>(member.id())]));
  }
}

TEST_CASE("processes that call as they would call NCCL have what one process computes") {
  for (const int ranks : {2, 3, 5}) {
    const process::Outcome outcome = process::run_crew(process::crew_of(ranks), [](Member& member) {
      run_collectives(member);
      return 0;
    });
    CHECK_FALSE(outcome.failure);
  }
}

nccl::NcclError remote_error() {
  return {"ncclRemoteError", "remote process exited", "all_reduce over tp", {0, 1, 2}};
}

TEST_CASE("an error of NCCL names what was called, by whom, and NCCL's own words") {
  CHECK(std::string(remote_error().what()) ==
        "NCCL: remote process exited (ncclRemoteError) in all_reduce over tp among ranks 0-2");
}

TEST_CASE("a rank that NCCL fails is told with its operation") {
  process::CrewOptions options = process::crew_of(3);
  options.operation_name = [](int) { return "all_reduce over tp"; };
  options.settle = std::chrono::milliseconds(50);
  const process::Outcome outcome = process::run_crew(options, [](Member& member) {
    member.start_operation(7);
    if (member.id() == 1) throw remote_error();
    while (true) process::sleep_for(std::chrono::milliseconds(5));
    return 0;
  });
  REQUIRE(outcome.failure);
  CHECK(outcome.failure->cause == process::Cause::collective);
  CHECK(outcome.failure->member == 1);
  CHECK(outcome.failure->text ==
        "rank 1 failed at operation 7 (all_reduce over tp): NCCL: remote process exited "
        "(ncclRemoteError) in all_reduce over tp among ranks 0-2");
}

TEST_CASE("a rank that is killed is the cause, not those whom NCCL fails for it, within seconds") {
  const auto start = std::chrono::steady_clock::now();
  const process::Outcome outcome = process::run_crew(process::crew_of(4), [](Member& member) {
    member.start_operation(3);
    if (member.id() != 2) throw remote_error();  // before the death is known
    process::sleep_for(std::chrono::milliseconds(100));
    raise(SIGKILL);
    return 0;
  });
  REQUIRE(outcome.failure);
  CHECK(outcome.failure->cause == process::Cause::killed);
  CHECK(outcome.failure->member == 2);
  CHECK(std::chrono::steady_clock::now() - start < std::chrono::seconds(10));
}

TEST_CASE("a rank that waits in a call for ever, deaf to everything, goes when another one dies") {
  const auto start = std::chrono::steady_clock::now();
  const process::Outcome outcome = process::run_crew(process::crew_of(3), [](Member& member) {
    member.start_operation(3);
    for (const int one : {SIGTERM, SIGINT, SIGHUP}) signal(one, SIG_IGN);
    if (member.id() == 0) raise(SIGKILL);
    while (true) process::sleep_for(std::chrono::milliseconds(1000));
    return 0;
  });
  REQUIRE(outcome.failure);
  CHECK(outcome.failure->cause == process::Cause::killed);
  CHECK(outcome.failure->member == 0);
  CHECK(std::chrono::steady_clock::now() - start < std::chrono::seconds(10));
}

TEST_CASE("ranks that all wait in a library's call are given up by their watchdogs") {
  process::CrewOptions options = process::crew_of(3);
  options.settle = std::chrono::milliseconds(50);
  const process::Outcome outcome = process::run_crew(options, [](Member& member) {
    member.start_operation(5);
    const nccl::Watchdog watchdog(std::chrono::milliseconds(300),
                                  [&] { return member.board().beats(); });
    if (watchdog.wait_until([] { return false; })) return 0;
    throw nccl::NcclError("watchdog", "nobody got anything done for 0.3 s", "all_reduce over tp",
                          {0, 1, 2});
  });
  REQUIRE(outcome.failure);
  CHECK(outcome.failure->cause == process::Cause::collective);
  CHECK(outcome.failure->text.find("nobody got anything done for 0.3 s (watchdog) in all_reduce") !=
        std::string::npos);
}

TEST_CASE("of those who complain, who names a peer is believed before whom a library fails") {
  process::Suspects suspects;
  suspects.add({process::Cause::collective, 1, -1, 0, "failed", "NCCL"});
  CHECK_FALSE(suspects.is_certain());
  CHECK(suspects.best().member == 1);
  suspects.add({process::Cause::peer_gone, 0, 3, 0, "rank 0 lost its connection with rank 3", {}});
  CHECK(suspects.best().peer == 3);
  suspects.add({process::Cause::threw, 3, -1, 0, "failed", "out of memory"});
  CHECK(suspects.is_certain());
  CHECK(suspects.best().member == 3);
}

}  // namespace
}  // namespace lockstep::test
