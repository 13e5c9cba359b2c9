// Which GPU each rank runs on, and what its environment must say for that: a pure function of the
// ranks, the machine and what the user set.
//
// NCCL refuses two ranks on one GPU, unless it takes their processes for different hosts
// (NCCL_HOSTID): then they talk over sockets, here those of the loopback device. Without MPS the
// processes of a GPU take turns, and a collective, which needs all of them at once, waits for the
// turns (design section 9: 54 ms for 4 KiB among eight ranks, 0.8 ms with MPS).
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "backend/nccl/launch/machine.h"
#include "sim/base/error.h"

namespace lockstep::nccl {

using Environment = std::map<std::string, std::string>;
// Of this process.
Environment current_environment();
// Sets each variable in this process. To be called before CUDA is touched. REQUIRES: one thread.
void set_environment(const Environment& variables);

enum class Sharing : std::uint8_t {
  none,         // a GPU for each rank
  mps,          // several ranks on a GPU, whose kernels run side by side
  time_slices,  // several ranks on a GPU, which take turns
};

std::string to_string(Sharing sharing);  // "none", "mps", "time-slices"

struct RankPlace {
  int gpu = 0;              // CUDA's number
  Environment environment;  // to be set in the rank's process, beside what it inherits
  bool operator==(const RankPlace&) const = default;
};

struct Placement {
  std::vector<RankPlace> ranks;
  Sharing sharing = Sharing::none;
  bool starts_mps = false;  // a daemon of our own is to be started (MpsDaemon)
  // For the report: "8 ranks share one NVIDIA H200 through MPS; NCCL over loopback sockets; times
  // are those of a shared GPU".
  std::string text;
  std::vector<std::string> notes;  // what the user set that matters here, what falls short
};

struct PlacementWish {
  int ranks = 1;
  bool may_share = true;  // several ranks on a GPU, where there are too few
  bool may_use_mps = true;
  std::string run;  // differs between runs of one machine, for NCCL_HOSTID
};

// MPS serves 48 clients of a GPU (NVIDIA, Multi-Process Service, "Volta MPS": client contexts).
inline constexpr int kMostMpsClients = 48;

// The rank r is on GPU r if there are as many; else each GPU has a block of neighbours, larger by
// one at most than the others'. What `user` sets is kept, but for NCCL_HOSTID and, where a daemon
// of our own serves, CUDA_VISIBLE_DEVICES, which the daemon looks at. REQUIRES: the machine has a
// GPU; wish.ranks >= 1.
Result<Placement> place(const PlacementWish& wish, const Machine& machine, const Environment& user);

// Of ranks that share a GPU by turns: why that cannot be, if one serves one process only.
std::optional<Diagnostic> refusal_of_turns(const Placement& placement, const Machine& machine);
// True where the GPU of rank 0 serves nobody else: then the observer has none.
bool leaves_none_for_observer(const Placement& placement, const Machine& machine);

// The same for ranks that share a GPU by turns, where MPS was to be had but would not start.
// `why`: in words.
Placement without_mps(Placement placement, const Machine& machine, const std::string& why);

}  // namespace lockstep::nccl
