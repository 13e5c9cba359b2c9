// The shape of each operation on each rank, read from the plan in its order.
#pragma once

#include <vector>

#include "sim/cost/timeline/attention_loads.h"
#include "sim/cost/timeline/seats.h"
#include "sim/cost/timeline/shape.h"
#include "sim/cost/timeline/tensor_states.h"
#include "sim/plan/plan.h"

namespace lockstep {

class Shapes {
 public:
  Shapes(const Plan& plan, const Seats& seats, const TensorStates& states);

  // Of plan.operations[operation]. REQUIRES: `states` has passed all operations before it.
  Shape of(int operation, int rank);
  Fusion fusion(int operation) const { return fusion_[static_cast<std::size_t>(operation)]; }

 private:
  void find_fusions();
  void set_rows(Shape& shape, const Operation& op, int rank) const;
  void set_parts(Shape& shape, const Operation& op, int rank) const;
  int parts(const Operation& op, TermKind kind, int rank) const;

  const Plan& plan_;
  const Seats& seats_;
  const TensorStates& states_;
  AttentionLoads loads_;
  std::vector<Fusion> fusion_;    // by operation
  std::vector<bool> dispatched_;  // by tensor: it is the result of a dispatch
};

}  // namespace lockstep
