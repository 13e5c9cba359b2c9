#include "backend/nccl/launch/placement.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <span>
#include <string_view>

#include "sim/base/require.h"

namespace lockstep::nccl {
namespace {

constexpr std::string_view kInterface = "NCCL_SOCKET_IFNAME";
constexpr std::string_view kVisible = "CUDA_VISIBLE_DEVICES";

int gpu_of(int rank, int ranks, int gpus) {
  return ranks <= gpus ? rank : static_cast<int>(std::int64_t{rank} * gpus / ranks);
}

std::string in_words(std::size_t count) { return count == 1 ? "one" : fmt::format("{}", count); }

// "one NVIDIA H200", "2 NVIDIA H200", "2 GPUs" of different names.
std::string gpus_text(const Machine& machine, std::size_t count) {
  const auto used = std::span(machine.gpus).first(count);
  const auto same = [&](const Gpu& gpu) { return gpu.name == used.front().name; };
  return in_words(count) + " " + (std::ranges::all_of(used, same) ? used.front().name : "GPUs");
}

std::size_t gpus_used(const Placement& placement) {
  return static_cast<std::size_t>(placement.ranks.back().gpu) + 1;
}

// Of ranks that share GPUs.
std::string shared_text(const Placement& placement, const Machine& machine) {
  const Environment& own = placement.ranks.front().environment;
  const bool on_loopback = own.contains(std::string(kInterface));
  const std::size_t gpus = gpus_used(placement);
  return fmt::format("{} ranks share {} {}; NCCL over {}; times are those of {}",
                     placement.ranks.size(), gpus_text(machine, gpus),
                     placement.sharing == Sharing::mps ? "through MPS" : "by turns, without MPS",
                     on_loopback ? "loopback sockets" : "the sockets that NCCL_SOCKET_IFNAME names",
                     gpus == 1 ? "a shared GPU" : "shared GPUs");
}

std::string own_text(const Placement& placement, const Machine& machine) {
  if (placement.ranks.size() == 1) return "1 rank on one " + machine.gpus.front().name;
  return fmt::format("{} ranks on {}, one each", placement.ranks.size(),
                     gpus_text(machine, placement.ranks.size()));
}

void add_unless_set(Environment& to, const Environment& user, std::string_view name,
                    std::string_view value) {
  if (!user.contains(std::string(name))) to.emplace(name, value);
}

// NCCL takes each process for a host of its own. A daemon that was started with
// CUDA_VISIBLE_DEVICES shows its clients these devices as 0, 1, ... (NVIDIA, Multi-Process
// Service).
void let_share(Placement& placement, const PlacementWish& wish, int gpus, const Environment& user) {
  std::string renumbered = "0";
  for (int gpu = 1; gpu < gpus; ++gpu) renumbered += fmt::format(",{}", gpu);
  for (std::size_t r = 0; r < placement.ranks.size(); ++r) {
    Environment& own = placement.ranks[r].environment;
    own["NCCL_HOSTID"] = fmt::format("lockstep-{}-{}", wish.run, r);
    add_unless_set(own, user, kInterface, "lo");
    add_unless_set(own, user, "NCCL_IB_DISABLE", "1");
    add_unless_set(own, user, "NCCL_NET", "Socket");      // not a plugin's network
    add_unless_set(own, user, "NCCL_MNNVL_ENABLE", "0");  // of racks that are one NVLink domain
    if (placement.starts_mps && user.contains(std::string(kVisible))) {
      own[std::string(kVisible)] = renumbered;
    }
  }
}

// Of all that may change what NCCL does, what the user has set.
std::vector<std::string> notes_on(const Environment& user) {
  std::vector<std::string> set;
  for (const auto& [name, value] : user) {
    if (name.starts_with("NCCL_")) set.push_back(fmt::format("{}={}", name, value));
  }
  if (set.empty()) return {};
  return {fmt::format("NCCL runs with {}", fmt::join(set, " "))};
}

Diagnostic too_few_gpus(const PlacementWish& wish, const Machine& machine) {
  return plain_fault(
      fmt::format("--backend nccl: {} ranks need as many GPUs, and there {}", wish.ranks,
                  machine.gpus.size() == 1 ? "is 1" : fmt::format("are {}", machine.gpus.size())),
      "fewer ranks in `parallel`, or let ranks share a GPU");
}

Diagnostic too_many_ranks(int ranks, const PlacementWish& wish) {
  return plain_fault(fmt::format("--backend nccl: {} of the {} ranks would share one GPU, and MPS "
                                 "serves {} processes of a GPU at most",
                                 ranks, wish.ranks, kMostMpsClients),
                     "fewer ranks in `parallel`, or --backend process");
}

Diagnostic serves_one_process(const std::string& gpu) {
  return plain_fault(
      fmt::format("--backend nccl: {} serves one process at a time (compute mode "
                  "EXCLUSIVE_PROCESS), and ranks would share it by turns, without MPS",
                  gpu),
      "nvidia-smi -c DEFAULT, or as many GPUs as ranks, or --backend process");
}

void choose_sharing(Placement& placement, const PlacementWish& wish, const Machine& machine,
                    const Environment& user) {
  const bool has_daemon = user.contains("CUDA_MPS_PIPE_DIRECTORY");
  const bool by_mps = wish.may_use_mps && (has_daemon || !machine.mps_control.empty());
  placement.sharing = by_mps ? Sharing::mps : Sharing::time_slices;
  placement.starts_mps = by_mps && !has_daemon;
  if (by_mps && has_daemon) {
    placement.notes.push_back("the MPS daemon of CUDA_MPS_PIPE_DIRECTORY=" +
                              user.at("CUDA_MPS_PIPE_DIRECTORY") + " is used as it is");
  }
  if (!by_mps && wish.may_use_mps) {
    placement.notes.emplace_back(
        "nvidia-cuda-mps-control is not on the PATH: without it a "
        "collective waits for the turns of all processes");
  }
}

}  // namespace

std::string to_string(Sharing sharing) {
  switch (sharing) {
    case Sharing::none:
      return "none";
    case Sharing::mps:
      return "mps";
    case Sharing::time_slices:
      return "time-slices";
  }
  return "";
}

Environment current_environment() {
  Environment variables;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view text(*entry);
    const std::size_t equals = text.find('=');
    if (equals == std::string_view::npos) continue;
    variables.emplace(text.substr(0, equals), text.substr(equals + 1));
  }
  return variables;
}

void set_environment(const Environment& variables) {
  for (const auto& [name, value] : variables) setenv(name.c_str(), value.c_str(), 1);
}

Result<Placement> place(const PlacementWish& wish, const Machine& machine,
                        const Environment& user) {
  LOCKSTEP_ASSERT(wish.ranks >= 1 && !machine.gpus.empty());
  const auto gpus = static_cast<int>(machine.gpus.size());
  Placement placement;
  for (int rank = 0; rank < wish.ranks; ++rank) {
    placement.ranks.push_back({gpu_of(rank, wish.ranks, gpus), {}});
  }
  placement.notes = notes_on(user);
  if (wish.ranks <= gpus) {
    placement.text = own_text(placement, machine);
    return placement;
  }
  if (!wish.may_share) return too_few_gpus(wish, machine);
  choose_sharing(placement, wish, machine, user);
  if (const auto fault = refusal_of_turns(placement, machine)) return *fault;
  const int most = (wish.ranks + gpus - 1) / gpus;
  constexpr int kObserver = 1;  // is a client of the first GPU, too
  if (placement.sharing == Sharing::mps && most + kObserver > kMostMpsClients) {
    return too_many_ranks(most, wish);
  }
  let_share(placement, wish, gpus, user);
  placement.text = shared_text(placement, machine);
  return placement;
}

std::optional<Diagnostic> refusal_of_turns(const Placement& placement, const Machine& machine) {
  if (placement.sharing != Sharing::time_slices) return std::nullopt;
  for (const RankPlace& rank : placement.ranks) {
    const Gpu& gpu = machine.gpus[static_cast<std::size_t>(rank.gpu)];
    if (gpu.is_exclusive) return serves_one_process(fmt::format("GPU {} ({})", rank.gpu, gpu.name));
  }
  return std::nullopt;
}

bool leaves_none_for_observer(const Placement& placement, const Machine& machine) {
  return placement.sharing == Sharing::none && machine.gpus.front().is_exclusive;
}

Placement without_mps(Placement placement, const Machine& machine, const std::string& why) {
  placement.sharing = Sharing::time_slices;
  placement.starts_mps = false;
  for (RankPlace& rank : placement.ranks) rank.environment.erase(std::string(kVisible));
  placement.text = shared_text(placement, machine);
  placement.notes.push_back("MPS was to be had, but " + why);
  return placement;
}

}  // namespace lockstep::nccl
