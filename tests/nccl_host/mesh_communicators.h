// NCCL's calls over the mesh of processes, on the memory of the CPU: for whatever needs
// Communicators where there is no GPU. Every member tells all others its operand, and makes the
// result for itself by the meaning of the call. Buffers are of float32.
#pragma once

#include <map>
#include <vector>

#include "backend/nccl/launch/communicators.h"
#include "backend/nccl/launch/splits.h"
#include "backend/process/mesh.h"

namespace lockstep::test {

class MeshCommunicators : public nccl::Communicators {
 public:
  // `mesh` must outlive it. REQUIRES: all ranks are peers, and nothing else uses the mesh.
  MeshCommunicators(const Plan& plan, int rank, process::Mesh& mesh);

  void issue(int communicator, std::span<const nccl::NcclCall> calls,
             const nccl::CallBuffers& buffers, nccl::Stream stream,
             const std::string& what) override;
  void wait(int, nccl::Stream, const std::string&) override {}
  int members(int communicator) const override;
  void close() override { communicators_.clear(); }

 private:
  std::vector<std::vector<float>> all_told(const std::vector<int>& members, std::size_t self,
                                           std::span<const float> own);

  int rank_;
  process::Mesh& mesh_;
  std::map<int, std::vector<int>> communicators_;  // members by number
};

}  // namespace lockstep::test
