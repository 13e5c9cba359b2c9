#include "backend/nccl/replay.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <memory>
#include <utility>

#include "backend/nccl/cuda_machine.h"
#include "backend/nccl/device.h"
#include "backend/nccl/gpu_worker.h"
#include "backend/nccl/launch/machine.h"
#include "backend/nccl/launch/memory_need.h"
#include "backend/nccl/launch/mps.h"
#include "backend/nccl/launch/placement.h"
#include "backend/nccl/launch/probe.h"
#include "backend/nccl/nccl_communicators.h"
#include "backend/nccl/reference_products.h"
#include "backend/process/channels.h"

namespace lockstep::nccl {
namespace {

// What stands before a GpuWorker and must outlive it.
struct OnGpu {
  OnGpu(const Plan& plan, process::Member& member, process::Mesh& mesh, int gpu,
        const NcclOptions& nccl)
      : device(gpu), communicators(plan, member, mesh, nccl) {}

  Device device;
  NcclCommunicators communicators;
};

class RankOnGpu : private OnGpu, public GpuWorker {
 public:
  RankOnGpu(const Plan& plan, const numeric::ReplayOptions& options, process::Member& member,
            process::Mesh& mesh, int gpu, const NcclOptions& nccl, const GpuWorkerOptions& how)
      : OnGpu(plan, member, mesh, gpu, nccl),
        GpuWorker(plan, options, member.id(), device, communicators, how) {}
};

std::string path_of(const Environment& environment) {
  const auto found = environment.find("PATH");
  return found == environment.end() ? "" : found->second;
}

// Everything that is settled before a process is started.
struct Launch {
  Placement placement;
  std::unique_ptr<MpsDaemon> mps;  // null: none of ours
};

// Why the daemon serves nobody; empty: it does. Its server starts with its first client.
std::string trouble_of_clients(const Launch& launch, const Machine& machine) {
  const Machine seen = probed([&] {
    set_environment(launch.placement.ranks.front().environment);
    set_environment(launch.mps->client_environment());
    Machine counted;
    counted.gpus.resize(static_cast<std::size_t>(device_count(&counted.trouble)));
    return counted;
  });
  if (seen.gpus.size() == machine.gpus.size()) return "";
  if (!seen.trouble.empty()) return "its clients are told: " + seen.trouble;
  return fmt::format("its clients see {} GPUs", seen.gpus.size());
}

void start_mps(Launch& launch, const Machine& machine) {
  std::string trouble;
  try {
    launch.mps = std::make_unique<MpsDaemon>(
        MpsOptions{.control = machine.mps_control, .environment = current_environment()});
    trouble = trouble_of_clients(launch, machine);
    if (trouble.empty()) return;
    launch.mps->stop();
    launch.mps.reset();
  } catch (const MpsError& error) {
    trouble = error.what();
  }
  launch.placement = without_mps(std::move(launch.placement), machine, trouble);
}

Result<Launch> launch_on(const Machine& machine, int ranks) {
  PlacementWish wish;
  wish.ranks = ranks;
  wish.run = std::to_string(getpid());
  Result<Placement> placed = place(wish, machine, current_environment());
  if (!placed) return placed.faults();
  Launch launch{std::move(*placed), nullptr};
  if (launch.placement.starts_mps) start_mps(launch, machine);
  if (const auto fault = refusal_of_turns(launch.placement, machine)) return *fault;
  return launch;
}

// The observer is on the GPU of rank 0.
const RankPlace& place_of(const Launch& launch, const process::Member& member) {
  const std::size_t rank = member.is_observer() ? 0 : static_cast<std::size_t>(member.id());
  return launch.placement.ranks[rank];
}

// Until all ranks are here: rank 0 hears them all, and tells everybody.
void meet(const process::Member& member, process::Mesh& mesh) {
  const process::Tag tag = process::meeting_tag();
  if (member.id() > 0) {
    mesh.send(0, tag, {});
    mesh.receive_into(0, tag, {});
    return;
  }
  for (int rank = 1; rank < member.ranks(); ++rank) mesh.receive_into(rank, tag, {});
  for (int rank = 1; rank < member.ranks(); ++rank) mesh.send(rank, tag, {});
  mesh.flush();
}

Result<MemoryPlan> memory_of(const Plan& plan, const Machine& machine, const Placement& placement,
                             numeric::Storage storage) {
  std::vector<MemoryNeed> needs;
  for (int rank = 0; rank < plan.world; ++rank) {
    needs.push_back(memory_need(plan, rank, storage, placement.sharing != Sharing::none));
  }
  return plan_memory(needs, placement, machine, reference_need(plan));
}

process::Backend backend_of(const Machine& machine, const Launch& launch, const MemoryPlan& memory,
                            const GpuReplayOptions& options) {
  process::Backend backend;
  backend.meets_at_rank_0 = true;
  backend.enter = [&launch](process::Member& member) {
    set_environment(place_of(launch, member).environment);
    if (launch.mps) set_environment(launch.mps->client_environment());
  };
  backend.worker = [&](const Plan& plan, const numeric::ReplayOptions& how, process::Member& member,
                       process::Mesh& mesh) {
    // Before the coordinator gives up, so that what is told is NCCL's.
    const NcclOptions nccl{.limit = options.process.crew.progress_limit / 2};
    GpuWorkerOptions worker;
    const auto rank = static_cast<std::size_t>(member.id());
    worker.weight_budget = options.keeps_weights ? memory.weight_budgets[rank] : 0;
    if (how.garbage == numeric::Garbage::nan) worker.timed.repetitions = options.repetitions;
    worker.meet = [&member, &mesh] { meet(member, mesh); };
    return std::make_unique<RankOnGpu>(plan, how, member, mesh, place_of(launch, member).gpu, nccl,
                                       worker);
  };
  if (leaves_none_for_observer(launch.placement, machine)) return backend;
  backend.products = [&launch, seed = options.process.numeric.seed] {
    return std::make_unique<ReferenceProducts>(launch.placement.ranks.front().gpu, seed);
  };
  return backend;
}

std::string call_difference(const Plan& plan, bool repairs, const std::vector<GpuReport>& reports) {
  std::vector<CallList> called;
  for (const GpuReport& report : reports) called.push_back(report.called);
  return difference(plan, expected_calls(plan, repairs), called);
}

}  // namespace

GpuReplayOutcome replay(const Plan& plan, const GpuReplayOptions& options) {
  GpuReplayOutcome outcome;
  const Machine machine = probed([] { return look_at_machine(path_of(current_environment())); });
  outcome.refused = refusal(machine, kOldestCapability);
  if (outcome.refused) return outcome;
  Result<Launch> launch = launch_on(machine, plan.world);
  if (!launch) {
    outcome.refused = launch.faults().front();
    return outcome;
  }
  const Result<MemoryPlan> memory =
      memory_of(plan, machine, launch->placement, options.process.numeric.storage);
  if (!memory) {
    outcome.refused = memory.faults().front();
    return outcome;
  }
  outcome.machine = text_of(machine);
  outcome.sharing = launch->placement.sharing;
  outcome.placement = launch->placement.text;
  outcome.memory = memory->texts;
  if (options.tell) {
    options.tell(outcome.placement);
    for (const std::string& line : outcome.memory) options.tell(line);
  }
  process::ReplayOptions how = options.process;
  how.crew.start_limit = std::max(how.crew.start_limit, how.crew.progress_limit);
  how.backend = backend_of(machine, *launch, *memory, options);
  outcome.replay = process::replay(plan, how);
  if (leaves_none_for_observer(launch->placement, machine)) {
    outcome.replay.notes.emplace_back(
        "GPU 0 serves one process only (compute mode): the reference was computed on the CPU");
  }
  std::ranges::copy(launch->placement.notes, std::back_inserter(outcome.replay.notes));
  if (launch->mps) {
    const std::string trouble = launch->mps->stop();
    if (!trouble.empty()) outcome.replay.notes.push_back(trouble);
  }
  if (outcome.replay.failure) return outcome;
  for (const std::vector<std::byte>& report : outcome.replay.workers) {
    outcome.reports.push_back(decode_gpu_report(report));
  }
  if (outcome.reports.empty()) return outcome;
  outcome.call_difference =
      call_difference(plan, !options.process.numeric.propagate, outcome.reports);
  return outcome;
}

}  // namespace lockstep::nccl
