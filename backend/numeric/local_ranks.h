// All ranks of a plan in this process, on the CPU.
#pragma once

#include <vector>

#include "backend/numeric/held_tensors.h"
#include "backend/numeric/ranks.h"
#include "backend/numeric/replay.h"

namespace lockstep::numeric {

class LocalRanks : public Ranks {
 public:
  // All must outlive it. `record` is told what routers choose.
  LocalRanks(const Plan& plan, const ReplayOptions& options, Weights& weights,
             PlanReference& reference, RecordChoice record);

  Held held(TensorId tensor, int rank) override;
  void put(TensorId tensor, int rank, Held value) override;
  void arrive(int, const std::vector<int>&) override {}
  void go_on(int, int, bool) override {}
  void compute(int operation, int rank) override;
  void exchange(const std::vector<Call>& calls) override;
  void receive(int operation, int rank, Held sent) override;

 private:
  std::vector<Held> exchanged(const std::vector<Call>& calls, std::size_t output);

  const Plan& plan_;
  const ReplayOptions& options_;
  HeldTensors<HostArithmetic> tensors_;
};

}  // namespace lockstep::numeric
