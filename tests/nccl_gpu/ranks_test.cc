// Ranks on real GPUs, several on one where there are too few: NCCL's calls against the replay's own
// collectives, and what happens when one of them fails.
#include <cuda_runtime_api.h>
#include <doctest/doctest.h>
#include <fmt/format.h>
#include <signal.h>
#include <unistd.h>

#include <chrono>
#include <optional>

#include "backend/nccl/cuda_error.h"
#include "backend/nccl/launch/command.h"
#include "backend/nccl/launch/mps.h"
#include "backend/nccl/nccl_communicators.h"
#include "tests/nccl_gpu/machine.h"
#include "tests/nccl_host/exact_collectives.h"
#include "tests/process/crew_fixture.h"

namespace lockstep::test {
namespace {

using nccl::NcclCommunicators;
using process::Member;
using std::chrono::seconds;

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

// A placement of ranks on this machine, and the daemon that it wants.
class Stage {
 public:
  explicit Stage(int ranks)
      : placement_(*nccl::place({.ranks = ranks, .run = fmt::format("test-{}", getpid())},
                                this_machine(), nccl::current_environment())) {
    if (placement_.starts_mps) {
      daemon_.emplace(nccl::MpsOptions{.control = this_machine().mps_control,
                                       .environment = nccl::current_environment()});
    }
    MESSAGE(placement_.text);
  }

  process::Outcome run(const process::Body& body) {
    process::CrewOptions options = process::crew_of(static_cast<int>(placement_.ranks.size()));
    options.start_limit = options.progress_limit = seconds(60);
    return process::run_crew(options, [&](Member& member) {
      const nccl::RankPlace& own = placement_.ranks[static_cast<std::size_t>(member.id())];
      nccl::set_environment(own.environment);
      if (daemon_) nccl::set_environment(daemon_->client_environment());
      nccl::check(cudaSetDevice(own.gpu), "choosing a GPU");
      return body(member);
    });
  }

  // Ends the daemon, if there is one, and checks that nothing of it is left.
  void close() {
    if (!daemon_) return;
    const std::string mine =
        "CUDA_MPS_PIPE_DIRECTORY=" + daemon_->client_environment().at("CUDA_MPS_PIPE_DIRECTORY");
    CHECK(daemon_->stop() == "");
    CHECK(nccl::processes_with(mine).empty());
  }

 private:
  nccl::Placement placement_;
  std::optional<nccl::MpsDaemon> daemon_;
};

// Elements on the GPU.
class Elements {
 public:
  explicit Elements(const std::vector<float>& values)
      : count_(std::max<std::size_t>(values.size(), 1)) {
    nccl::check(cudaMalloc(&data_, count_ * sizeof(float)), "allocating elements");
    nccl::check(
        cudaMemcpy(data_, values.data(), values.size() * sizeof(float), cudaMemcpyHostToDevice),
        "uploading elements");
  }
  ~Elements() { cudaFree(data_); }
  Elements(const Elements&) = delete;
  Elements& operator=(const Elements&) = delete;

  void* data() { return data_; }
  void download(std::vector<float>& values) const {
    nccl::check(
        cudaMemcpy(values.data(), data_, values.size() * sizeof(float), cudaMemcpyDeviceToHost),
        "downloading elements");
  }

 private:
  std::size_t count_;
  void* data_ = nullptr;
};

nccl::Stream make_stream() {
  cudaStream_t stream = nullptr;
  nccl::check(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking), "making a stream");
  return stream;
}

numeric::Held by_nccl(const Collective& c, int member, NcclCommunicators& communicators,
                      nccl::Stream stream) {
  const numeric::Exchange exchange = c.exchange();
  const numeric::Held& passed = c.passed[static_cast<std::size_t>(member)];
  std::vector<float> working = exchange.load(member, passed);
  Elements elements(working);
  for (const nccl::NcclGroup& group : nccl::nccl_groups(exchange, member)) {
    communicators.issue(0, group.calls, {elements.data(), nullptr}, stream, to_string(c.kind));
    communicators.wait(0, stream, to_string(c.kind));
  }
  elements.download(working);
  return exchange.unload(member, std::move(working), passed);
}

void run_collectives(Member& member, bool blocking) {
  const int ranks = member.ranks();
  process::Mesh mesh(member, process::others(member));
  NcclCommunicators communicators(plan_of_one_group(ranks), member, mesh, {.blocking = blocking});
  process::expect(communicators.world_members() == ranks);
  process::expect(communicators.members(0) == ranks);
  const nccl::Stream stream = make_stream();
  Random random(static_cast<std::uint64_t>(ranks));
  for (int i = 0; i < 40; ++i) {
    member.start_operation(i);
    const Collective c = draw_exact_collective(random, ranks);
    const numeric::Held wanted = c.run()[static_cast<std::size_t>(member.id())];
    process::expect(same_numbers(by_nccl(c, member.id(), communicators, stream), wanted));
  }
  communicators.close();
}

TEST_CASE("what ranks have after NCCL's calls is what the replay's own collectives give") {
  for (const int ranks : {2, 3, 4, 8}) {
    CAPTURE(ranks);
    Stage stage(ranks);
    const auto start = std::chrono::steady_clock::now();
    const process::Outcome outcome = stage.run([](Member& member) {
      run_collectives(member, false);
      return 0;
    });
    CHECK_FALSE(outcome.failure);
    MESSAGE(ranks, " ranks: ", seconds_since(start), " s");
    stage.close();
  }
}

TEST_CASE("the same with calls that block") {
  Stage stage(2);
  const process::Outcome outcome = stage.run([](Member& member) {
    run_collectives(member, true);
    return 0;
  });
  CHECK_FALSE(outcome.failure);
  stage.close();
}

// All four ranks, and two halves of them: three communicators, two splits.
Plan plan_of_halves() {
  Plan plan = plan_of_one_group(4);
  Group halves;
  halves.role = halves.object = "attn_tp";
  halves.parts = {{0, 2}, {3, 1}};
  plan.groups.push_back(halves);
  plan.operations.emplace_back().kind = OpKind::all_reduce;
  plan.operations.back().group = GroupId{1};
  return plan;
}

TEST_CASE("communicators by splits: ranks 0 and 2 sum 1 + 100, ranks 3 and 1 sum 1000 + 10") {
  Stage stage(4);
  const process::Outcome outcome = stage.run([](Member& member) {
    process::Mesh mesh(member, process::others(member));
    NcclCommunicators communicators(plan_of_halves(), member, mesh);
    const int half = member.id() % 2 == 0 ? 1 : 2;
    process::expect(communicators.members(half) == 2);
    const float powers[] = {1, 10, 100, 1000};
    std::vector<float> value{powers[member.id()]};
    Elements elements(value);
    const nccl::Stream stream = make_stream();
    nccl::NcclCall sum;
    sum.count = 1;
    communicators.issue(half, std::span(&sum, 1), {elements.data(), nullptr}, stream, "halves");
    communicators.wait(half, stream, "halves");
    elements.download(value);
    process::expect(value[0] == (half == 1 ? 101.0F : 1010.0F));
    communicators.issue(0, std::span(&sum, 1), {elements.data(), nullptr}, stream, "all");
    communicators.wait(0, stream, "all");
    elements.download(value);
    process::expect(value[0] == 2222.0F);  // each half is counted by both of its ranks
    communicators.close();
    return 0;
  });
  CHECK_FALSE(outcome.failure);
  stage.close();
}

// Ranks that all call again and again, but one, that does something else after the fifth time.
process::Outcome run_until(Stage& stage, const std::function<void()>& something_else) {
  return stage.run([&](Member& member) {
    process::Mesh mesh(member, process::others(member));
    NcclCommunicators communicators(plan_of_one_group(member.ranks()), member, mesh,
                                    {.limit = seconds(4)});
    const nccl::Stream stream = make_stream();
    Elements elements(std::vector<float>(1024, 1.0F));
    nccl::NcclCall sum;
    sum.count = 1024;
    for (int i = 0;; ++i) {
      member.start_operation(i);
      if (i == 5 && member.id() == 1) something_else();
      communicators.issue(0, std::span(&sum, 1), {elements.data(), nullptr}, stream, "all_reduce");
      communicators.wait(0, stream, "all_reduce");
    }
    return 0;
  });
}

TEST_CASE("a rank that is killed in the middle ends the run within ten seconds, and is the cause") {
  Stage stage(4);
  const process::Outcome outcome = run_until(stage, [] { raise(SIGKILL); });
  REQUIRE(outcome.failure);
  CHECK(outcome.failure->cause == process::Cause::killed);
  CHECK(outcome.failure->member == 1);
  const auto start = std::chrono::steady_clock::now();
  stage.close();
  MESSAGE("the daemon was gone after ", seconds_since(start), " s");
}

TEST_CASE("a rank that never calls is noticed by the watchdogs of the others") {
  Stage stage(4);
  const auto start = std::chrono::steady_clock::now();
  const process::Outcome outcome = run_until(stage, [] {
    while (true) process::sleep_for(std::chrono::milliseconds(100));
  });
  REQUIRE(outcome.failure);
  CHECK(outcome.failure->cause == process::Cause::collective);
  CHECK(outcome.failure->text.find("nobody got anything done for 4 s (watchdog) in all_reduce "
                                   "among ranks 0-3") != std::string::npos);
  CHECK(seconds_since(start) < 40);
  stage.close();
}

}  // namespace
}  // namespace lockstep::test
