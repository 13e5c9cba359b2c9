// Processes that fail in the middle of a plan: an error that names rank, operation and peers, in
// bounded time, and nothing left.
#include <doctest/doctest.h>
#include <fmt/format.h>
#include <signal.h>
#include <unistd.h>

#include <chrono>
#include <iterator>

#include "backend/numeric/interpreter.h"
#include "backend/process/run_key.h"
#include "sim/base/random.h"
#include "tests/differential/cases.h"
#include "tests/differential/environment.h"
#include "tests/process_replay/backends.h"

namespace lockstep::test {
namespace {

Plan dep4() {
  Deployment deployment;
  deployment.tokens = {3, 1, 2, 5};
  Result<Plan> plan = lower(input_of(deployment));
  REQUIRE(plan);
  return std::move(*plan);
}

int first_collective(const Plan& plan) {
  for (std::size_t i = 0; i < plan.operations.size(); ++i) {
    if (is_collective(plan.operations[i].kind)) return static_cast<int>(i);
  }
  return -1;
}

std::string kind_of(const Plan& plan, int operation) {
  return to_string(plan.operations[static_cast<std::size_t>(operation)].kind);
}

// Runs the plan; `what` happens to rank 2 before the first collective.
process::ReplayOutcome with_fault(const Plan& plan, const std::function<void(process::Mesh&)>& what,
                                  std::chrono::milliseconds patience) {
  process::ReplayOptions options;
  options.crew.progress_limit = patience;
  options.crew.stopped_limit = patience;
  const int collective = first_collective(plan);
  REQUIRE(collective >= 0);
  options.before = [&, collective](int rank, int operation, process::Mesh& mesh) {
    if (rank == 2 && operation == collective) what(mesh);
  };
  return process::replay(plan, options);
}

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

constexpr std::chrono::milliseconds kLong = std::chrono::seconds(60);
constexpr std::chrono::milliseconds kShort = std::chrono::milliseconds(500);

TEST_CASE("a rank that is killed is named, with its operation and who waited for it") {
  const Plan plan = dep4();
  const process::ReplayOutcome outcome = with_fault(
      plan, [](process::Mesh&) { ::raise(SIGKILL); }, kLong);
  REQUIRE(outcome.failure);
  CAPTURE(outcome.failure->text);
  CHECK(outcome.failure->cause == process::Cause::killed);
  CHECK(outcome.failure->member == 2);
  CHECK(outcome.failure->operation == first_collective(plan));
  CHECK(has(outcome.failure->text, "rank 2 was killed by SIGKILL"));
  CHECK(has(outcome.failure->text, kind_of(plan, first_collective(plan))));
}

TEST_CASE("a rank that stops for too long is named") {
  const Plan plan = dep4();
  const process::ReplayOutcome outcome = with_fault(
      plan, [](process::Mesh&) { ::raise(SIGSTOP); }, kShort);
  REQUIRE(outcome.failure);
  CAPTURE(outcome.failure->text);
  CHECK(outcome.failure->member == 2);
  CHECK(has(outcome.failure->text, kind_of(plan, first_collective(plan))));
}

TEST_CASE("a slow rank is waited for, and the result is the same") {
  const Plan plan = dep4();
  const process::ReplayOutcome outcome = with_fault(
      plan, [](process::Mesh&) { ::usleep(300'000); }, kLong);
  REQUIRE_FALSE(outcome.failure);
  CHECK(outcome.result.verdict == numeric::replay(plan, {}).verdict);
}

TEST_CASE("a rank that throws is named, with what it threw") {
  const process::ReplayOutcome outcome = with_fault(
      dep4(), [](process::Mesh&) { throw std::runtime_error("no memory for experts"); }, kLong);
  REQUIRE(outcome.failure);
  CAPTURE(outcome.failure->text);
  CHECK(outcome.failure->member == 2);
  CHECK(has(outcome.failure->text, "no memory for experts"));
}

TEST_CASE("a message that does not belong there is told with its sender") {
  const auto sends_garbage = [](process::Mesh& mesh) {
    const std::vector<std::byte> garbage(100, std::byte{7});
    mesh.send(0, {77, 1, 0, 0}, garbage);
    mesh.flush();
  };
  const process::ReplayOutcome outcome = with_fault(dep4(), sends_garbage, kLong);
  REQUIRE(outcome.failure);
  CAPTURE(outcome.failure->text);
  CHECK(has(outcome.failure->text, "rank 2"));
  CHECK(has(outcome.failure->text, "rank 0"));
}

TEST_CASE("a rank that is killed at a random operation is named every time, and nothing hangs") {
  const Plan plan = dep4();
  const std::int64_t times = from_environment("LOCKSTEP_PROCESS_KILLS", 100);
  Random random(20260510);
  for (std::int64_t i = 0; i < times; ++i) {
    const int victim = static_cast<int>(random.below(plan.world));
    const int first = static_cast<int>(random.below(std::ssize(plan.operations)));
    process::ReplayOptions options;
    options.before = [&](int rank, int operation, process::Mesh&) {
      if (rank == victim && operation >= first) ::raise(SIGKILL);
    };
    const process::ReplayOutcome outcome = process::replay(plan, options);
    CAPTURE(victim);
    CAPTURE(first);
    if (numeric::next_operation(plan, victim, first - 1) == std::ssize(plan.operations)) continue;
    REQUIRE(outcome.failure);
    CHECK(outcome.failure->cause == process::Cause::killed);
    CHECK(outcome.failure->member == victim);
    CHECK(outcome.failure->operation >= first);
  }
}

TEST_CASE("an address that somebody has is told before anything starts") {
  process::ReplayOptions options;
  options.crew.run_name = fmt::format("lockstep-test-{}", ::getpid());
  process::RunKey taken = process::draw_key(options.crew.run_name);
  const process::File listener = process::listen_as(taken, 1);
  const process::ReplayOutcome outcome = process::replay(dep4(), options);
  REQUIRE(outcome.failure);
  CAPTURE(outcome.failure->text);
  CHECK(outcome.failure->cause == process::Cause::address_in_use);
  CHECK(has(outcome.failure->text, options.crew.run_name));
}

TEST_CASE("a deadlock of the plan is the plan's: stopped, with the ranks that wait and for whom") {
  Plan plan = dep4();
  const int collective = first_collective(plan);
  Operation& op = plan.operations[static_cast<std::size_t>(collective)];
  op.ranks = RankSet::of({0, 1, 3});
  REQUIRE(validate(plan).empty());
  const numeric::ReplayResult here = numeric::replay(plan, {});
  const numeric::ReplayResult there = on_processes(plan, {});
  CHECK(there.verdict == numeric::ReplayVerdict::stopped);
  CHECK(there.stopped_at == here.stopped_at);
  CHECK(there.stopped_why == here.stopped_why);
}

}  // namespace
}  // namespace lockstep::test
