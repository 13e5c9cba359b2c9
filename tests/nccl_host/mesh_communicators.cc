#include "tests/nccl_host/mesh_communicators.h"

#include <algorithm>
#include <cmath>

namespace lockstep::test {
namespace {

using nccl::NcclCall;
using nccl::NcclKind;

process::Tag tag_of(NcclKind kind) { return {100 + static_cast<std::uint32_t>(kind), 0, 0, 0}; }

float reduced(const NcclCall& call, const std::vector<std::vector<float>>& told, std::size_t at) {
  float all = told.front()[at];
  for (std::size_t m = 1; m < told.size(); ++m) {
    all = call.reduction == Reduction::max ? std::fmax(all, told[m][at]) : all + told[m][at];
  }
  return all;
}

// What the member at `self` has of what all have told.
std::vector<float> result(const NcclCall& call, std::size_t self,
                          const std::vector<std::vector<float>>& told) {
  std::vector<float> out;
  if (call.kind == NcclKind::all_gather) {
    for (const std::vector<float>& one : told) out.insert(out.end(), one.begin(), one.end());
    return out;
  }
  if (call.kind == NcclKind::broadcast) return told[static_cast<std::size_t>(call.member)];
  const auto count = static_cast<std::size_t>(call.count);
  const std::size_t first = call.kind == NcclKind::reduce_scatter ? self * count : 0;
  for (std::size_t i = 0; i < count; ++i) out.push_back(reduced(call, told, first + i));
  return out;
}

}  // namespace

MeshCommunicators::MeshCommunicators(const Plan& plan, int rank, process::Mesh& mesh)
    : rank_(rank), mesh_(mesh) {
  for (const nccl::Split& split : nccl::splits_of(plan)) {
    const nccl::SplitArguments own = nccl::arguments_of(split, rank);
    if (own.part != nullptr) communicators_[own.part->communicator] = own.part->members;
  }
}

int MeshCommunicators::members(int communicator) const {
  return static_cast<int>(communicators_.at(communicator).size());
}

std::vector<std::vector<float>> MeshCommunicators::all_told(const std::vector<int>& members,
                                                            std::size_t self,
                                                            std::span<const float> own) {
  const process::Tag tag = tag_of(NcclKind::all_reduce);
  std::vector<std::vector<float>> told(members.size());
  for (const int peer : members) {
    if (peer != rank_) mesh_.send(peer, tag, std::as_bytes(own));
  }
  for (std::size_t m = 0; m < members.size(); ++m) {
    told[m].assign(own.begin(), own.end());
    if (m == self) continue;
    mesh_.receive_into(members[m], tag, std::as_writable_bytes(std::span(told[m])));
  }
  return told;
}

void MeshCommunicators::issue(int communicator, std::span<const NcclCall> calls,
                              const nccl::CallBuffers& buffers, nccl::Stream, const std::string&) {
  const std::vector<int>& members = communicators_.at(communicator);
  const auto self = static_cast<std::size_t>(std::ranges::find(members, rank_) - members.begin());
  const auto base = [&](const NcclCall& call) {
    return static_cast<float*>(call.buffer == nccl::NcclBuffer::working ? buffers.working
                                                                        : buffers.scratch);
  };
  const auto peer = [&](const NcclCall& c) { return members[static_cast<std::size_t>(c.member)]; };
  for (const NcclCall& call : calls) {
    const auto count = static_cast<std::size_t>(call.count);
    if (call.kind == NcclKind::send) {
      mesh_.send(peer(call), tag_of(NcclKind::send),
                 std::as_bytes(std::span(base(call) + call.in, count)));
    }
    if (has_peer(call.kind)) continue;
    const bool has_blocks = call.kind == NcclKind::reduce_scatter;
    const std::vector<float> out = result(
        call, self,
        all_told(members, self,
                 std::span(base(call) + call.in, has_blocks ? count * members.size() : count)));
    const bool writes = call.kind != NcclKind::reduce || peer(call) == rank_;
    if (writes) std::ranges::copy(out, base(call) + call.out);
  }
  for (const NcclCall& call : calls) {
    if (call.kind != NcclKind::recv) continue;
    mesh_.receive_into(peer(call), tag_of(NcclKind::send),
                       std::as_writable_bytes(
                           std::span(base(call) + call.out, static_cast<std::size_t>(call.count))));
  }
}

}  // namespace lockstep::test
