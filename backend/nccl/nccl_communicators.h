// The communicators of a rank in NCCL. By default nothing here blocks in NCCL: every call returns
// at once (blocking = 0), and its end is asked for, with a watchdog, until it comes or fails.
#pragma once

#include <nccl.h>

#include <chrono>
#include <map>
#include <string>
#include <vector>

#include "backend/nccl/launch/communicators.h"
#include "backend/nccl/launch/nccl_error.h"
#include "backend/nccl/launch/watchdog.h"
#include "backend/process/member.h"
#include "backend/process/mesh.h"
#include "sim/plan/plan.h"

namespace lockstep::nccl {

struct NcclOptions {
  // The time in which nobody gets anything done, after which a wait is given up.
  std::chrono::milliseconds limit = std::chrono::seconds(30);
  // Calls return only when NCCL has done with them. Then no watchdog ends one that hangs; the
  // coordinator does. For what cannot do without (capturing a stream).
  bool blocking = false;
};

class NcclCommunicators : public Communicators {
 public:
  // Makes them, together with all other ranks: one of all, with an id that rank 0 sends over the
  // mesh, and the plan's by splits of that (splits.h).
  // `member` must outlive it. The rank's GPU is current, and its environment is set (placement.h).
  // REQUIRES: every rank is a peer of rank 0. Throws NcclError, or what the mesh throws.
  NcclCommunicators(const Plan& plan, process::Member& member, process::Mesh& mesh,
                    const NcclOptions& options = {});
  ~NcclCommunicators() override;

  void issue(int communicator, std::span<const NcclCall> calls, const CallBuffers& buffers,
             Stream stream, const std::string& what) override;
  void wait(int communicator, Stream stream, const std::string& what) override;
  int members(int communicator) const override;
  void close() override;

  // Of all ranks.
  int world_members() const;

 private:
  struct Communicator {
    ncclComm_t handle = nullptr;
    std::vector<int> members;  // ranks, in group order
  };

  void make_world(process::Mesh& mesh);
  void make(const Plan& plan);
  void check_place(const Communicator& communicator) const;
  Communicator& at(int communicator) { return communicators_.at(communicator); }

  // Takes what NCCL says at once, and waits for what it says later.
  void settle(ncclResult_t said, Communicator& communicator, const std::string& what);
  // True if nothing is in progress on the communicator. Throws what failed.
  bool is_settled(Communicator& communicator, const std::string& what) const;
  bool has_run(Stream stream, Communicator& communicator, const std::string& what) const;
  void wait_for(const std::function<bool()>& is_done, const Communicator& communicator,
                const std::string& what);
  [[noreturn]] void fail(const std::string& name, const std::string& text,
                         const Communicator& communicator, const std::string& what) const;
  void abort_all() noexcept;

  ncclConfig_t config() const;

  process::Member& member_;
  bool blocking_;
  Watchdog watchdog_;
  Communicator world_;
  Communicator none_;                          // what a split gives who is in no part
  std::map<int, Communicator> communicators_;  // by number
};

}  // namespace lockstep::nccl
