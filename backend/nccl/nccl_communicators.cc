#include "backend/nccl/nccl_communicators.h"

#include <cuda_runtime_api.h>
#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <functional>
#include <memory>
#include <mutex>
#include <numeric>
#include <span>
#include <thread>
#include <utility>

#include "backend/nccl/cuda_error.h"
#include "backend/nccl/launch/splits.h"
#include "backend/nccl/nccl_functions.h"
#include "backend/process/channels.h"

namespace lockstep::nccl {
namespace {

constexpr std::chrono::seconds kAbortLimit{5};

// Rank 0 draws it; the others learn it.
ncclUniqueId shared_id(process::Member& member, process::Mesh& mesh) {
  ncclUniqueId id{};
  const auto bytes = std::as_writable_bytes(std::span(id.internal));
  if (member.id() > 0) {
    mesh.receive_into(0, process::nccl_id_tag(), bytes);
    return id;
  }
  const ncclResult_t said = ncclGetUniqueId(&id);
  if (said != ncclSuccess) {
    throw NcclError(name_of(said), last_words(said, nullptr), "ncclGetUniqueId", {0});
  }
  for (int rank = 1; rank < member.ranks(); ++rank) {
    mesh.send(rank, process::nccl_id_tag(), bytes);
  }
  mesh.flush();
  return id;
}

}  // namespace

NcclCommunicators::NcclCommunicators(const Plan& plan, process::Member& member, process::Mesh& mesh,
                                     const NcclOptions& options)
    : member_(member),
      blocking_(options.blocking),
      watchdog_(options.limit, [&member] { return member.board().beats(); }) {
  try {
    make_world(mesh);
    make(plan);
  } catch (...) {
    abort_all();
    throw;
  }
}

NcclCommunicators::~NcclCommunicators() { abort_all(); }

// ---- making -----------------------------------------------------------------------------------

ncclConfig_t NcclCommunicators::config() const {
  ncclConfig_t config = NCCL_CONFIG_INITIALIZER;
  config.blocking = blocking_ ? 1 : 0;
  return config;
}

void NcclCommunicators::make_world(process::Mesh& mesh) {
  const ncclUniqueId id = shared_id(member_, mesh);
  world_.members.resize(static_cast<std::size_t>(member_.ranks()));
  std::iota(world_.members.begin(), world_.members.end(), 0);
  ncclConfig_t how = config();
  const ncclResult_t said =
      ncclCommInitRankConfig(&world_.handle, member_.ranks(), id, member_.id(), &how);
  settle(said, world_, "ncclCommInitRank");
  check_place(world_);
}

// All ranks call all splits, whether they are in a part or not. NCCL writes the handle later, maybe
// only after the split itself is told to be done (github.com/NVIDIA/nccl/issues/1472): it stands
// where it stays.
void NcclCommunicators::make(const Plan& plan) {
  for (const Split& split : splits_of(plan)) {
    const SplitArguments own = arguments_of(split, member_.id());
    const bool is_member = own.part != nullptr;
    Communicator& made = is_member ? communicators_[own.part->communicator] : none_;
    made.members = is_member ? own.part->members : world_.members;
    ncclConfig_t how = config();
    const ncclResult_t said = ncclCommSplit(
        world_.handle, is_member ? own.colour : NCCL_SPLIT_NOCOLOR, own.key, &made.handle, &how);
    settle(said, world_, "ncclCommSplit");
    if (!is_member) continue;
    settle(ncclSuccess, made, "ncclCommSplit");
    check_place(made);
  }
}

void NcclCommunicators::check_place(const Communicator& communicator) const {
  int count = 0;
  int place = 0;
  const bool is_told = ncclCommCount(communicator.handle, &count) == ncclSuccess &&
                       ncclCommUserRank(communicator.handle, &place) == ncclSuccess;
  const auto wanted = std::ranges::find(communicator.members, member_.id());
  if (is_told && std::cmp_equal(count, communicator.members.size()) &&
      place == wanted - communicator.members.begin()) {
    return;
  }
  fail("ncclCommCount", fmt::format("it has {} members, and this is number {}", count, place),
       communicator, "the communicator");
}

int NcclCommunicators::members(int communicator) const {
  int count = 0;
  ncclCommCount(communicators_.at(communicator).handle, &count);
  return count;
}

int NcclCommunicators::world_members() const {
  int count = 0;
  ncclCommCount(world_.handle, &count);
  return count;
}

// ---- calls ------------------------------------------------------------------------------------

void NcclCommunicators::issue(int communicator, std::span<const NcclCall> calls,
                              const CallBuffers& buffers, Stream stream, const std::string& what) {
  if (calls.empty()) return;
  Communicator& its = at(communicator);
  // What a call says is said again by the end of its group, which must come in any case.
  ncclResult_t first = ncclGroupStart();
  for (const NcclCall& call : calls) {
    if (first != ncclSuccess && first != ncclInProgress) break;
    first = enqueue(call, buffers, its.handle, stream);
  }
  const ncclResult_t last = ncclGroupEnd();
  const bool is_fine = first == ncclSuccess || first == ncclInProgress;
  settle(is_fine ? last : first, its, what);
}

void NcclCommunicators::wait(int communicator, Stream stream, const std::string& what) {
  Communicator& its = at(communicator);
  wait_for([&] { return has_run(stream, its, what); }, its, what);
}

void NcclCommunicators::close() {
  std::vector<Communicator*> all;
  for (auto& [number, communicator] : communicators_) all.push_back(&communicator);
  if (world_.handle != nullptr) all.push_back(&world_);
  for (Communicator* its : all) {
    settle(ncclCommFinalize(its->handle), *its, "ncclCommFinalize");
  }
  for (Communicator* its : all) ncclCommDestroy(std::exchange(its->handle, nullptr));
  communicators_.clear();
}

// ---- waiting ----------------------------------------------------------------------------------

void NcclCommunicators::settle(ncclResult_t said, Communicator& communicator,
                               const std::string& what) {
  if (said != ncclSuccess && said != ncclInProgress) {
    const std::string words = last_words(said, communicator.handle);
    abort_all();
    fail(name_of(said), words, communicator, what);
  }
  wait_for([&] { return is_settled(communicator, what); }, communicator, what);
}

bool NcclCommunicators::is_settled(Communicator& communicator, const std::string& what) const {
  const ncclComm_t handle = std::atomic_ref(communicator.handle).load();
  if (handle == nullptr) return false;
  ncclResult_t state = ncclSuccess;
  const ncclResult_t said = ncclCommGetAsyncError(handle, &state);
  if (said != ncclSuccess) state = said;
  if (state == ncclSuccess || state == ncclInProgress) return state == ncclSuccess;
  fail(name_of(state), last_words(state, handle), communicator, what);
}

// An error of NCCL is told before the stream's, whose kernels it may have ended.
bool NcclCommunicators::has_run(Stream stream, Communicator& communicator,
                                const std::string& what) const {
  if (!is_settled(communicator, what)) return false;
  const cudaError_t state = cudaStreamQuery(stream);
  if (state == cudaErrorNotReady) {
    static_cast<void>(cudaGetLastError());  // where it counts as an error, the next kernel's
    return false;
  }
  check(state, what.c_str());
  return true;
}

void NcclCommunicators::wait_for(const std::function<bool()>& is_done,
                                 const Communicator& communicator, const std::string& what) {
  bool has_come = false;
  try {
    has_come = watchdog_.wait_until(is_done);
  } catch (...) {
    abort_all();
    throw;
  }
  if (has_come) return member_.beat();
  abort_all();
  const std::chrono::duration<double> limit = watchdog_.limit();
  fail("watchdog", fmt::format("nobody got anything done for {:g} s", limit.count()), communicator,
       what);
}

void NcclCommunicators::fail(const std::string& name, const std::string& text,
                             const Communicator& communicator, const std::string& what) const {
  throw NcclError(name, text, what, communicator.members);
}

// To abort may itself take long, or for ever: what is to be told must not wait for it. The process
// ends soon in any case. All at once: one whose work is queued behind a collective of another ends
// only when that one is aborted.
void NcclCommunicators::abort_all() noexcept {
  std::vector<ncclComm_t> handles;
  for (auto& [number, its] : communicators_) {
    if (its.handle != nullptr) handles.push_back(std::exchange(its.handle, nullptr));
  }
  if (world_.handle != nullptr) handles.push_back(std::exchange(world_.handle, nullptr));
  if (handles.empty()) return;
  struct Shared {
    std::mutex mutex;
    std::condition_variable changed;
    std::size_t left = 0;
  };
  int device = 0;
  static_cast<void>(cudaGetDevice(&device));
  try {
    const auto shared = std::make_shared<Shared>();
    shared->left = handles.size();
    for (const ncclComm_t handle : handles) {
      std::thread([shared, handle, device] {
        static_cast<void>(cudaSetDevice(device));  // a thread begins on GPU 0
        ncclCommAbort(handle);
        const std::scoped_lock lock(shared->mutex);
        if (--shared->left == 0) shared->changed.notify_one();
      }).detach();
    }
    std::unique_lock lock(shared->mutex);
    shared->changed.wait_for(lock, kAbortLimit, [&] { return shared->left == 0; });
  } catch (const std::exception&) {  // no thread is to be had
  }
}

}  // namespace lockstep::nccl
